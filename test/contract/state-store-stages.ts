import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '../tools/poll.ts';
import {
  awkwardTexts,
  claimed,
  completed,
  failure,
  finished,
  jobOf,
  near,
  newStage,
  newTasks,
  planned,
  run,
  runAll,
  type Stores,
  submitted,
  taskOf,
} from './state-store-tools.ts';

export function testStages(stores: Stores): void {
  describe('stages', () => {
    test('creating one makes the job processing and its tasks queued, numbered in the order given', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      const stage = newStage({ name: 'create_cog', handler: 'cog', parallelism: 'fan_out', policy: 'continue' });
      const tasks = ['b', 'a', '10', '9'].map((key) => ({ key, input: { key } }));
      assert.equal(await store.createStage(ref, stage, tasks), 'created');
      const job = await jobOf(store, ref);
      assert.equal(job.status, 'processing');
      assert.ok(job.startedAt && job.startedAt >= job.createdAt);
      const [record, ...rest] = await store.getStages(ref.jobId, 1);
      assert.ok(record);
      assert.deepEqual(rest, []);
      const { startedAt, ...facts } = record;
      near(startedAt, Date.now(), 5_000);
      assert.deepEqual(facts, {
        ...stage,
        number: 1,
        counts: { total: 4, queued: 4, processing: 0, completed: 0, failed: 0, cancelled: 0 },
        published: 0,
        runningProgress: null,
        completedAt: null,
      });
      const listed = await store.listTasks(ref.jobId, 1, { limit: 10 });
      assert.deepEqual(
        listed.map(({ task, key, handler, status, attempt }) => ({ task, key, handler, status, attempt })),
        tasks.map(({ key }, task) => ({ task, key, handler: 'cog', status: 'queued', attempt: 0 })),
      );
    });

    test('one that is there is not made again', async () => {
      const { store } = stores();
      const ref = await planned(store, 2);
      assert.equal(await store.createStage(ref, newStage({ name: 'other' }), newTasks(5)), 'exists');
      const [stage] = await store.getStages(ref.jobId, 1);
      assert.equal(stage?.name, 'validate');
      assert.equal(stage?.counts.total, 2);
    });

    test('none is made for a job that is not there, in another run or stage, or over', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      const nobody = { ...ref, jobId: 'f'.repeat(64) };
      for (const stale of [nobody, { ...ref, run: 2 }, { ...ref, stage: 2 }, { ...ref, run: 2 ** 40 }]) {
        assert.equal(await store.createStage(stale, newStage(), newTasks(1)), 'stale');
      }
      assert.equal((await jobOf(store, ref)).status, 'queued');
      await finished(store, ref, 'cancelled');
      assert.equal(await store.createStage(ref, newStage(), newTasks(1)), 'stale');
      assert.deepEqual(await store.getStages(ref.jobId, 1), []);
    });

    test('inputs come back as they went in, of every kind and size', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      const inputs = [null, 0, false, '', [], {}, { z: 1, a: [null, { b: 'c' }] }, awkwardTexts, 'x'.repeat(500_000)];
      const tasks = inputs.map((input, index) => ({ key: `k${index}`, input }));
      await store.createStage(ref, newStage(), tasks);
      for (const [task, input] of inputs.entries()) {
        const got = await claimed(store, { ...ref, task });
        assert.equal(JSON.stringify(got.input), JSON.stringify(input));
        assert.equal(got.key, `k${task}`);
      }
    });

    test('many large inputs are stored in order', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      const tasks = Array.from({ length: 40 }, (_, n) => ({
        key: `k${n}`,
        input: { n, text: `${n} `.repeat(100_000) },
      }));
      await store.createStage(ref, newStage(), tasks);
      for (const task of [0, 17, 39])
        assert.deepEqual((await claimed(store, { ...ref, task })).input, tasks[task]?.input);
      assert.equal((await store.getStages(ref.jobId, 1))[0]?.counts.total, 40);
    });

    test('100,000 tasks', { timeout: 120_000 }, async () => {
      const { store } = stores();
      const ref = await planned(store, 100_000);
      const [stage] = await store.getStages(ref.jobId, 1);
      assert.deepEqual(stage?.counts, {
        total: 100_000,
        queued: 100_000,
        processing: 0,
        completed: 0,
        failed: 0,
        cancelled: 0,
      });
      for (const task of [0, 4_999, 5_000, 99_999]) {
        const got = await claimed(store, { ...ref, task });
        assert.deepEqual([got.key, got.input], [`tile-${task}`, { number: task }]);
      }
      assert.deepEqual(await store.claimTask({ ...ref, task: 100_000 }, { worker: 'w', leaseMs: 1 }), {
        kind: 'refused',
      });
      await finished(store, ref, 'cancelled');
      const [closed] = await store.getStages(ref.jobId, 1);
      assert.equal(closed?.counts.cancelled, 99_996);
      assert.equal(closed?.counts.processing, 4);
    });

    test('published only grows', async () => {
      const { store } = stores();
      const ref = await planned(store, 10);
      const published = async () => (await store.getStages(ref.jobId, 1))[0]?.published;
      await store.markTasksPublished(ref, 4);
      assert.equal(await published(), 4);
      await store.markTasksPublished(ref, 2);
      assert.equal(await published(), 4);
      await store.markTasksPublished(ref, 10);
      assert.equal(await published(), 10);
      await store.markTasksPublished({ ...ref, stage: 2 }, 3);
      assert.equal(await published(), 10);
    });

    test('counts follow the tasks, and waiting for a retry counts as processing', async () => {
      const { store } = stores();
      const ref = await planned(store, 6, { stage: { policy: 'continue' } });
      await run(store, { ...ref, task: 0 });
      await run(store, { ...ref, task: 1 }, { status: 'failed', error: failure });
      await run(store, { ...ref, task: 2 }, { status: 'cancelled', error: failure });
      await run(store, { ...ref, task: 3 }, { status: 'retrying', error: failure, delayMs: 60_000 });
      await claimed(store, { ...ref, task: 4 });
      const counts = async () => (await store.getStages(ref.jobId, 1))[0]?.counts;
      assert.deepEqual(await counts(), { total: 6, queued: 1, processing: 2, completed: 1, failed: 1, cancelled: 1 });
    });

    test('the progress of running tasks is their mean', async () => {
      const { store } = stores();
      const ref = await planned(store, 4);
      const progress = async () => (await store.getStages(ref.jobId, 1))[0]?.runningProgress;
      assert.equal(await progress(), null);
      const report = async (task: number, fraction: number | null) =>
        store.renewLease({ ...ref, task }, { attempt: 1, leaseMs: 60_000, progress: fraction });
      await claimed(store, { ...ref, task: 0 });
      await claimed(store, { ...ref, task: 1 });
      assert.equal(await progress(), null);
      await report(0, 0.25);
      await report(1, 0.75);
      assert.equal(await progress(), 0.5);
      await report(1, null);
      assert.equal((await taskOf(store, { ...ref, task: 1 })).progress, 0.75);
      await store.endAttempt({ ...ref, task: 1 }, 1, completed(null));
      assert.equal(await progress(), 0.25);
    });

    test('advancing closes the stage, keeps its counts, and makes the next one due', async () => {
      const { store } = stores();
      const ref = await planned(store, 3, { stage: { policy: 'continue' } });
      await run(store, { ...ref, task: 0 }, { status: 'failed', error: failure });
      await run(store, { ...ref, task: 1 });
      assert.equal(await store.advanceJob(ref), false);
      assert.equal((await jobOf(store, ref)).stage, 1);
      await run(store, { ...ref, task: 2 });
      assert.equal(await store.advanceJob(ref), true);
      const job = await jobOf(store, ref);
      assert.deepEqual([job.status, job.stage, job.completedAt], ['processing', 2, null]);
      const [first] = await store.getStages(ref.jobId, 1);
      assert.deepEqual(first?.counts, { total: 3, queued: 0, processing: 0, completed: 2, failed: 1, cancelled: 0 });
      near(first?.completedAt ?? new Date(0), Date.now(), 5_000);
      assert.equal(await store.advanceJob(ref), false);
      assert.equal(await store.createStage({ ...ref, stage: 2 }, newStage({ name: 'second' }), newTasks(1)), 'created');
      assert.deepEqual((await jobOf(store, ref)).startedAt, job.startedAt);
      const stages = await store.getStages(ref.jobId, 1);
      assert.deepEqual(
        stages.map(({ number, name }) => [number, name]),
        [
          [1, 'validate'],
          [2, 'second'],
        ],
      );
    });

    test('a stage is over when its last task is, or as it begins without one, and stays so when it is closed', async () => {
      const { store } = stores();
      const ref = await planned(store, 2, { job: { totalStages: 3 } });
      const ends = async () =>
        (await store.getStages(ref.jobId, ref.run)).map(({ completedAt }) => completedAt?.getTime() ?? null);
      await run(store, { ...ref, task: 0 });
      assert.deepEqual(await ends(), [null]);
      await run(store, { ...ref, task: 1 });
      const first = (await taskOf(store, { ...ref, task: 1 })).completedAt?.getTime();
      await eventually(() => Date.now() > Number(first) + 5);
      assert.deepEqual(await ends(), [first]);
      assert.equal(await store.advanceJob(ref), true);
      assert.deepEqual(await ends(), [first]);
      await store.createStage({ ...ref, stage: 2 }, newStage(), []);
      const empty = (await store.getStages(ref.jobId, ref.run))[1]?.startedAt.getTime();
      assert.deepEqual(await ends(), [first, empty]);
      await store.advanceJob({ ...ref, stage: 2 });
      await store.createStage({ ...ref, stage: 3 }, newStage(), newTasks(1));
      await run(store, { ...ref, stage: 3, task: 0 });
      const last = (await taskOf(store, { ...ref, stage: 3, task: 0 })).completedAt?.getTime();
      assert.deepEqual(await ends(), [first, empty, last]);
      await eventually(() => Date.now() > Number(last) + 5);
      await finished(store, { ...ref, stage: 3 });
      assert.deepEqual(await ends(), [first, empty, last]);
    });

    test('a stage without tasks has none open and can be advanced at once', async () => {
      const { store } = stores();
      const ref = await planned(store, 0);
      assert.equal(await store.hasOpenTasks(ref), false);
      assert.equal(await store.advanceJob(ref), true);
      const [stage] = await store.getStages(ref.jobId, 1);
      assert.deepEqual(stage?.counts, { total: 0, queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 });
    });

    test('only a planned stage of an active job can be advanced, and the last one has no next', async () => {
      const { store } = stores();
      const unplanned = await submitted(store);
      assert.equal(await store.advanceJob(unplanned), false);
      assert.equal(await store.advanceJob({ ...unplanned, jobId: 'e'.repeat(64) }), false);
      const ended = await planned(store, 0);
      await finished(store, ended);
      assert.equal(await store.advanceJob(ended), false);
      const ahead = await planned(store, 0, { job: { totalStages: 3 } });
      await store.advanceJob(ahead);
      const second = { ...ahead, stage: 2 };
      assert.equal(await store.advanceJob(second), false);
      assert.equal((await jobOf(store, ahead)).stage, 2);
      const last = await planned(store, 0, { job: { totalStages: 1 } });
      assert.equal(await store.advanceJob(last), false);
      assert.equal((await jobOf(store, last)).stage, 1);
    });

    test('a late call for a stage that is behind does not move the one that is current', async () => {
      const { store } = stores();
      const ref = await planned(store, 0, { job: { totalStages: 3 } });
      await store.advanceJob(ref);
      await store.createStage({ ...ref, stage: 2 }, newStage(), []);
      assert.equal(await store.advanceJob(ref), false);
      assert.equal(await store.advanceJob({ ...ref, stage: 3 }), false);
      assert.equal(await store.advanceJob({ ...ref, run: 2, stage: 2 }), false);
      assert.equal((await jobOf(store, ref)).stage, 2);
      assert.equal(await store.advanceJob({ ...ref, stage: 2 }), true);
    });

    test('open tasks are seen until the very last one has ended', async () => {
      const { store } = stores();
      const ref = await planned(store, 3);
      assert.equal(await store.hasOpenTasks(ref), true);
      await runAll(store, ref, 2);
      assert.equal(await store.hasOpenTasks(ref), true);
      const last = { ...ref, task: 2 };
      const { attempt } = await claimed(store, last);
      assert.equal(await store.hasOpenTasks(ref), true);
      await store.endAttempt(last, attempt, { status: 'retrying', error: failure, delayMs: 0 });
      assert.equal(await store.hasOpenTasks(ref), true);
      await run(store, last, { status: 'failed', error: failure });
      assert.equal(await store.hasOpenTasks(ref), false);
      assert.equal(await store.hasOpenTasks({ ...ref, stage: 2 }), false);
      assert.equal(await store.hasOpenTasks({ ...ref, jobId: 'd'.repeat(64) }), false);
    });
  });
}
