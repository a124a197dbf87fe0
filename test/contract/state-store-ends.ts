import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobEnd } from '../../core/states.ts';
import { eventually } from '../tools/poll.ts';
import {
  claimed,
  completed,
  failure,
  finished,
  jobOf,
  near,
  newStage,
  newTasks,
  planned,
  retry,
  run,
  runAll,
  type Stores,
  submitted,
  taskOf,
} from './state-store-tools.ts';

export function testJobEnds(stores: Stores): void {
  describe('the end of a job', () => {
    const ends: readonly JobEnd[] = ['completed', 'completed_with_errors', 'failed', 'cancelled'];
    for (const status of ends) {
      test(`${status}: stored with result and error, once`, async () => {
        const { store } = stores();
        const ref = await planned(store, 1);
        await runAll(store, ref, 1);
        const end = { status, result: { job_type: 'x', n: 1 }, error: failure, callback: false };
        assert.equal(await store.finishJob(ref, end), true);
        const job = await jobOf(store, ref);
        assert.deepEqual([job.status, job.result, job.error], [status, end.result, failure]);
        near(job.completedAt ?? new Date(0), Date.now(), 5_000);
        assert.ok(job.updatedAt >= job.createdAt);
        assert.equal(await store.finishJob(ref, { ...end, status: 'failed' }), false);
        assert.deepEqual(await jobOf(store, ref), job);
        const [stage] = await store.getStages(ref.jobId, 1);
        assert.deepEqual(stage?.counts, { total: 1, queued: 0, processing: 0, completed: 1, failed: 0, cancelled: 0 });
        near(stage?.completedAt ?? new Date(0), Date.now(), 5_000);
      });
    }

    test('a job can end before anything of it was planned', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      await finished(store, ref, 'failed');
      const { status, startedAt, completedAt } = await jobOf(store, ref);
      assert.deepEqual([status, startedAt], ['failed', null]);
      assert.ok(completedAt);
      assert.deepEqual(await store.getStages(ref.jobId, 1), []);
    });

    test('it ends only in the run and stage it is in', async () => {
      const { store } = stores();
      const ref = await planned(store, 0);
      await store.advanceJob(ref);
      const end = { status: 'failed', result: null, error: failure, callback: false } as const;
      const elsewhere = [ref, { ...ref, stage: 3 }, { ...ref, run: 2, stage: 2 }, { ...ref, jobId: '9'.repeat(64) }];
      for (const wrong of elsewhere) assert.equal(await store.finishJob(wrong, end), false);
      assert.equal((await jobOf(store, ref)).status, 'processing');
      assert.equal(await store.finishJob({ ...ref, stage: 2 }, end), true);
    });

    test('tasks that have not started are cancelled with it; finished and running ones are left', async () => {
      const { store } = stores();
      const ref = await planned(store, 5, { stage: { policy: 'continue' } });
      await run(store, { ...ref, task: 0 });
      await run(store, { ...ref, task: 1 }, { status: 'failed', error: failure });
      await run(store, { ...ref, task: 2 }, retry(60_000));
      await claimed(store, { ...ref, task: 3 });
      await finished(store, ref, 'cancelled');
      const tasks = await store.listTasks(ref.jobId, 1, { limit: 10 });
      assert.deepEqual(
        tasks.map(({ status }) => status),
        ['completed', 'failed', 'cancelled', 'processing', 'cancelled'],
      );
      for (const task of [2, 4]) assert.ok((await taskOf(store, { ...ref, task })).completedAt);
      assert.equal(await store.hasOpenTasks(ref), true);
    });

    test('only the current stage is touched', async () => {
      const { store } = stores();
      const ref = await planned(store, 2);
      await runAll(store, ref, 2);
      await store.advanceJob(ref);
      const [before] = await store.getStages(ref.jobId, 1);
      await finished(store, { ...ref, stage: 2 }, 'failed');
      assert.deepEqual(await store.getStages(ref.jobId, 1), [before]);
    });

    test('what a running task reaches after the end is stored and counted', async () => {
      const { store } = stores();
      const ref = await planned(store, 3);
      for (const task of [0, 1]) await claimed(store, { ...ref, task });
      await finished(store, ref, 'failed');
      const counts = async () => (await store.getStages(ref.jobId, 1))[0]?.counts;
      assert.deepEqual(await counts(), { total: 3, queued: 0, processing: 2, completed: 0, failed: 0, cancelled: 1 });
      assert.equal(await store.endAttempt({ ...ref, task: 0 }, 1, completed('late')), 'completed');
      assert.equal(await store.endAttempt({ ...ref, task: 1 }, 1, { status: 'failed', error: failure }), 'failed');
      assert.deepEqual(await counts(), { total: 3, queued: 0, processing: 0, completed: 1, failed: 1, cancelled: 1 });
      assert.deepEqual(await store.resultPage(ref, -1, 10), [{ number: 0, key: 'tile-0', output: 'late' }]);
      assert.equal(await store.hasOpenTasks(ref), false);
    });

    test('a retry is not kept open for a job that has ended: the task is cancelled', async () => {
      const { store } = stores();
      const ref = await planned(store, 1);
      const task = { ...ref, task: 0 };
      await claimed(store, task);
      await finished(store, ref, 'failed');
      assert.equal(await store.endAttempt(task, 1, retry(0)), 'cancelled');
      const { status, error, completedAt } = await taskOf(store, task);
      assert.deepEqual([status, error], ['cancelled', failure]);
      assert.ok(completedAt);
      assert.equal(await store.hasOpenTasks(ref), false);
    });
  });

  describe('attempts that are handed back', () => {
    test('are counted by themselves, and told as retries; not in a job that has ended', async () => {
      const { store } = stores();
      const ref = await planned(store, 2);
      const [task, other] = [
        { ...ref, task: 0 },
        { ...ref, task: 1 },
      ];
      const counts = async () => {
        const { status, attempt, handedBack } = await taskOf(store, task);
        return [status, attempt, handedBack];
      };
      const handBack = { ...retry(0), handedBack: true } as const;
      await run(store, task, handBack);
      assert.deepEqual(await counts(), ['retrying', 1, 1]);
      await run(store, task, retry(0));
      assert.deepEqual(await counts(), ['retrying', 2, 1]);
      await run(store, task, handBack);
      assert.deepEqual(await counts(), ['retrying', 3, 2]);
      await run(store, task);
      assert.deepEqual(await counts(), ['completed', 4, 2]);
      const events = await store.listEvents(ref.jobId, { limit: 20 });
      assert.equal(events.filter(({ event }) => event === 'task_retried').length, 3);
      await claimed(store, other);
      await finished(store, ref, 'failed');
      assert.equal(await store.endAttempt(other, 1, handBack), 'cancelled');
      const { status, attempt } = await taskOf(store, other);
      assert.deepEqual([status, attempt], ['cancelled', 1]);
    });
  });

  describe('stages with a failed task', () => {
    test('one whose policy is to fail is found while others are open, until its job has ended', async () => {
      const { store } = stores();
      const [failing, goingOn] = [await planned(store, 3), await planned(store, 3, { stage: { policy: 'continue' } })];
      const found = async (olderThanMs = 0) =>
        (await store.findStagesToClose(olderThanMs, 1000)).filter(({ jobId }) => refs.includes(jobId));
      const refs = [failing.jobId, goingOn.jobId];
      for (const ref of [failing, goingOn]) {
        await run(store, { ...ref, task: 0 }, retry(60_000));
        await run(store, { ...ref, task: 2 });
      }
      assert.deepEqual(await found(), [], 'none has failed');
      for (const ref of [failing, goingOn]) await run(store, { ...ref, task: 1 }, { status: 'failed', error: failure });
      assert.deepEqual(await eventually(async () => ((await found()).length > 0 ? found() : null)), [failing]);
      assert.deepEqual(await found(60_000), [], 'left to the worker of the task');
      await finished(store, failing, 'failed');
      assert.deepEqual(await found(), []);
    });

    test('not for a failure of another run', async () => {
      const { store } = stores();
      const ref = await planned(store, 2);
      await run(store, { ...ref, task: 0 }, { status: 'failed', error: failure });
      await finished(store, ref, 'failed');
      const again = await store.retryJob(ref.jobId, { totalStages: 2, correlationId: 'again', takeOver: true });
      assert.equal(again?.run, 2);
      await store.createStage({ ...ref, run: 2 }, newStage(), newTasks(2));
      const found = await store.findStagesToClose(0, 1000);
      assert.deepEqual(
        found.filter(({ jobId }) => jobId === ref.jobId),
        [],
      );
    });
  });
}
