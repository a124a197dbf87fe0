import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StageRef, StateStore } from '../../core/ports/state-store.ts';
import {
  atOnce,
  claimed,
  completed,
  failure,
  finished,
  heldTask,
  jobOf,
  newStage,
  newTasks,
  planned,
  run,
  runAll,
  type Stores,
  submitted,
  taskOf,
} from './state-store-tools.ts';

const again = { totalStages: 2, correlationId: 'again', takeOver: true };

export function testRetries(stores: Stores): void {
  describe('retries of jobs', () => {
    test('only of those that ended with something left to do', async () => {
      const { store } = stores();
      assert.equal(await store.retryJob('0'.repeat(64), again), null);
      const queued = await submitted(store);
      assert.equal(await store.retryJob(queued.jobId, again), null);
      for (const status of ['failed', 'cancelled', 'completed_with_errors'] as const) {
        const ref = await submitted(store);
        await finished(store, ref, status);
        const job = await store.retryJob(ref.jobId, again);
        assert.deepEqual(
          [job?.status, job?.run, job?.stage, job?.correlationId, job?.result, job?.error, job?.completedAt],
          ['queued', 2, 1, 'again', null, null, null],
        );
        assert.deepEqual(job?.parameters, (await jobOf(store, ref)).parameters);
      }
    });

    test('one that completed runs again from the start only', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      await finished(store, ref);
      assert.equal(await store.retryJob(ref.jobId, again), null);
      assert.equal((await store.retryJob(ref.jobId, { ...again, takeOver: false }))?.run, 2);
    });

    test('asked for by many at once begins one run', async () => {
      const pair = stores();
      const ref = await submitted(pair.store);
      await finished(pair.store, ref, 'failed');
      const answers = await atOnce(pair, 12, (store) => store.retryJob(ref.jobId, again));
      assert.equal(answers.filter((job) => job !== null).length, 1);
      assert.equal((await jobOf(pair.store, ref)).run, 2);
    });

    test('what was completed with the same key and input is taken over, result and all', async () => {
      const { store } = stores();
      const ref = await halfDone(store);
      const second = await nextRun(store, ref);
      const [, changed = { key: '', input: 0 }, ...rest] = newTasks(4);
      const tasks = [{ key: 'tile-0', input: { number: 0 } }, { ...changed, input: { number: 'other' } }, ...rest];
      assert.equal(await store.createStage(second, newStage(), tasks), 'resumed');
      const rows = await store.listTasks(ref.jobId, 2, { limit: 10 });
      assert.deepEqual(
        rows.map(({ status, attempt }) => [status, attempt]),
        [
          ['completed', 0],
          ['queued', 0],
          ['queued', 0],
          ['queued', 0],
        ],
      );
      const results = await store.resultPage(second, -1, 10);
      assert.deepEqual(results, [{ number: 0, key: 'tile-0', output: 0 }]);
      assert.equal((await store.claimTask({ ...second, task: 0 }, { worker: 'w', leaseMs: 1000 })).kind, 'refused');
      await claimed(store, { ...second, task: 1 });
    });

    test('over runs that ended early, what the last one from the start and those after it completed is taken over', async () => {
      const { store } = stores();
      const ref = await halfDone(store);
      const second = await nextRun(store, ref);
      await finished(store, second, 'cancelled');
      const third = await nextRun(store, ref);
      assert.equal(await store.createStage(third, newStage(), newTasks(4)), 'resumed');
      await run(store, { ...third, task: 3 }, completed('third'));
      await finished(store, third, 'failed');
      await finished(store, await nextRun(store, ref), 'failed');
      // One whose plan came out differently, and has less.
      const fifth = await nextRun(store, ref);
      assert.equal(await store.createStage(fifth, newStage(), newTasks(1)), 'resumed');
      await finished(store, fifth, 'failed');
      const sixth = await nextRun(store, ref);
      assert.equal(await store.createStage(sixth, newStage(), newTasks(4)), 'resumed');
      const outputs = async (at: StageRef) => (await store.resultPage(at, -1, 10)).map(({ output }) => output);
      assert.deepEqual(await outputs(sixth), [0, 1, 'third']);
      const started = (await store.listEvents(ref.jobId, { run: 6, limit: 10 })).map(({ detail }) => detail);
      assert.deepEqual([started[0]?.takes_over_from, started[1]], [1, { name: 'validate', tasks: 4, taken_over: 3 }]);
      await finished(store, sixth, 'failed');
      const seventh = await store.retryJob(ref.jobId, { ...again, takeOver: false });
      assert.equal(seventh?.run, 7);
      const fromStart = { ...ref, run: 7 };
      await store.createStage(fromStart, newStage(), newTasks(4));
      await run(store, { ...fromStart, task: 1 }, completed('seventh'));
      await finished(store, fromStart, 'cancelled');
      await finished(store, await nextRun(store, ref), 'cancelled');
      const ninth = await nextRun(store, ref);
      await store.createStage(ninth, newStage(), newTasks(4));
      assert.deepEqual(await outputs(ninth), ['seventh'], 'nothing from before the start');
    });

    test('a fan-in is not taken over from a run that saw other results', async () => {
      const { store } = stores();
      const fanIn = newStage({ name: 'sum', parallelism: 'fan_in' });
      const sum = [{ key: 'sum', input: {} }];
      const ref = await planned(store, 3, { stage: { policy: 'continue' } });
      await runAll(store, ref, 2);
      await run(store, { ...ref, task: 2 }, { status: 'failed', error: failure });
      await store.advanceJob(ref);
      await store.createStage({ ...ref, stage: 2 }, fanIn, sum);
      await run(store, { ...ref, stage: 2, task: 0 }, completed('of two'));
      await finished(store, { ...ref, stage: 2 }, 'failed');
      const second = await nextRun(store, ref);
      await store.createStage(second, newStage(), newTasks(3));
      await run(store, { ...second, task: 2 });
      await finished(store, second, 'cancelled');
      const third = await nextRun(store, ref);
      assert.equal(await store.createStage(third, newStage(), newTasks(3)), 'resumed');
      assert.equal(await store.advanceJob(third), true);
      assert.equal(await store.createStage({ ...third, stage: 2 }, fanIn, sum), 'created');
      await run(store, { ...third, stage: 2, task: 0 }, completed('of three'));
      await finished(store, { ...third, stage: 2 }, 'failed');
      await finished(store, await nextRun(store, ref), 'cancelled');
      const fifth = await nextRun(store, ref);
      await store.createStage(fifth, newStage(), newTasks(3));
      assert.equal(await store.advanceJob(fifth), true);
      assert.equal(await store.createStage({ ...fifth, stage: 2 }, fanIn, sum), 'resumed');
      const [page] = await store.resultPage({ ...fifth, stage: 2 }, -1, 1);
      assert.equal(page?.output, 'of three');
    });

    test('from the start nothing is', async () => {
      const { store } = stores();
      const ref = await halfDone(store);
      await store.retryJob(ref.jobId, { ...again, takeOver: false });
      assert.equal(await store.createStage({ ...ref, run: 2 }, newStage(), newTasks(4)), 'created');
    });

    test('nor by a job that is submitted again', async () => {
      const { store } = stores();
      const ref = await halfDone(store);
      const { jobId, jobType, totalStages, parameters, metadata, correlationId } = await jobOf(store, ref);
      const same = { jobId, jobType, totalStages, parameters, metadata, correlationId };
      await store.retryJob(jobId, again);
      await finished(store, { ...ref, run: 2 }, 'failed');
      await store.submitJob(same, { force: false });
      assert.equal(await store.createStage({ ...ref, run: 3 }, newStage(), newTasks(4)), 'created');
    });

    test('the first run stays as it was', async () => {
      const { store } = stores();
      const ref = await halfDone(store);
      const before = await store.listTasks(ref.jobId, 1, { limit: 10 });
      await store.createStage(await nextRun(store, ref), newStage(), newTasks(4));
      assert.deepEqual(await store.listTasks(ref.jobId, 1, { limit: 10 }), before);
    });

    test('a fan-in is taken over only with all that it looks at', async () => {
      const { store } = stores();
      const fanIn = newStage({ name: 'sum', parallelism: 'fan_in' });
      const sum = [{ key: 'sum', input: {} }];
      for (const [count, outcome] of [
        [3, 'resumed'],
        [4, 'created'],
      ] as const) {
        const ref = await planned(store, 3);
        await runAll(store, ref, 3);
        assert.equal(await store.advanceJob(ref), true);
        const second = { ...ref, stage: 2 };
        await store.createStage(second, fanIn, sum);
        await run(store, { ...second, task: 0 }, completed(6));
        await finished(store, second, 'failed');
        const next = await nextRun(store, ref);
        assert.equal(await store.createStage(next, newStage(), newTasks(count)), 'resumed');
        for (let task = 3; task < count; task += 1) await run(store, { ...next, task });
        assert.equal(await store.advanceJob(next), true);
        assert.equal(await store.createStage({ ...next, stage: 2 }, fanIn, sum), outcome);
      }
    });

    test('a stage that was wholly taken over can be closed at once', async () => {
      const { store } = stores();
      const ref = await planned(store, 3);
      await runAll(store, ref, 3);
      await finished(store, ref, 'failed');
      const next = await nextRun(store, ref);
      assert.equal(await store.createStage(next, newStage(), newTasks(3)), 'resumed');
      assert.equal(await store.hasOpenTasks(next), false);
      assert.equal(await store.advanceJob(next), true);
    });
  });

  describe('the timeline', () => {
    test('tells what happened, in order, with what it was', async () => {
      const { store } = stores();
      const ref = await planned(store, 2);
      const retried = { status: 'retrying', error: failure, delayMs: 0 } as const;
      await run(store, { ...ref, task: 0 }, retried);
      await run(store, { ...ref, task: 1 }, { status: 'failed', error: failure });
      await finished(store, ref, 'failed');
      const events = await store.listEvents(ref.jobId, { limit: 100 });
      assert.deepEqual(
        events.map(({ event, stage, task, attempt }) => [event, stage, task, attempt]),
        [
          ['job_created', null, null, null],
          ['stage_started', 1, null, null],
          ['task_retried', 1, 0, 1],
          ['task_failed', 1, 1, 1],
          ['job_failed', 1, null, null],
        ],
      );
      const [created, started, first, second, ended] = events.map(({ detail }) => detail);
      assert.equal(created?.correlation_id, 'request-1');
      assert.deepEqual(started, { name: 'validate', tasks: 2, taken_over: 0 });
      assert.deepEqual(first, { error: failure, delay_ms: 0 });
      assert.deepEqual(second, { error: failure, delay_ms: null });
      assert.deepEqual(ended, failure);
    });

    test('tells of a lost lease, a closed stage, a delivered callback, a next run', async () => {
      const { store } = stores();
      const ref = await planned(store, 1);
      await claimed(store, { ...ref, task: 0 }, { worker: 'gone', leaseMs: 1 });
      await new Promise((resolve) => setTimeout(resolve, 20));
      await run(store, { ...ref, task: 0 });
      await store.advanceJob(ref);
      const last = { ...ref, stage: 2 };
      const end = { status: 'completed', result: {}, error: null, callback: true } as const;
      await store.finishJob(last, end);
      await store.markCallbackDelivered(ref.jobId, 1);
      await store.markCallbackDelivered(ref.jobId, 1);
      await store.retryJob(ref.jobId, { ...again, takeOver: false });
      const events = await store.listEvents(ref.jobId, { limit: 100 });
      const names = events.map(({ event }) => event);
      assert.deepEqual(names.slice(2), [
        'lease_lost',
        'stage_completed',
        'job_completed',
        'callback_delivered',
        'job_rerun',
      ]);
      assert.deepEqual(events[2]?.detail, { worker: 'gone' });
      assert.deepEqual(events[3]?.detail, { name: 'validate', completed: 1, failed: 0 });
      assert.deepEqual(
        (await store.listEvents(ref.jobId, { run: 2, limit: 10 })).map(({ event }) => event),
        ['job_rerun'],
      );
    });

    test('comes in pages, and not twice for a step that was not taken', async () => {
      const { store } = stores();
      const ref = await planned(store, 1);
      await store.submitJob({ ...(await jobOf(store, ref)) }, { force: true });
      await store.endAttempt({ ...ref, task: 0 }, 1, { status: 'failed', error: failure });
      assert.equal(await store.advanceJob({ ...ref, run: 7 }), false);
      const all = await store.listEvents(ref.jobId, { limit: 100 });
      assert.equal(all.length, 2);
      const [first] = await store.listEvents(ref.jobId, { limit: 1 });
      assert.deepEqual(await store.listEvents(ref.jobId, { after: first?.id ?? 0, limit: 5 }), all.slice(1));
      assert.deepEqual(await store.listEvents('0'.repeat(64), { limit: 5 }), []);
    });
  });

  describe('limits and history', () => {
    test('jobs and tasks over their limits are found', async () => {
      const { store } = stores();
      const ref = await planned(store, 2, { job: { jobType: 'slow' }, stage: { handler: 'crawl' } });
      await claimed(store, { ...ref, task: 1 });
      const expected = await heldTask(store, { ...ref, task: 1 }, { jobType: 'slow', handler: 'crawl' });
      await new Promise((resolve) => setTimeout(resolve, 30));
      const mine = <Row extends { readonly jobId: string }>(rows: readonly Row[]) =>
        rows.filter(({ jobId }) => jobId === ref.jobId);
      const hour = 3_600_000;
      assert.equal(mine(await store.findOverdueJobs([{ name: 'slow', limitMs: 10 }], hour, 100)).length, 1);
      assert.equal(mine(await store.findOverdueJobs([{ name: 'slow', limitMs: hour }], 10, 100)).length, 0);
      assert.equal(mine(await store.findOverdueJobs([], 10, 1000)).length, 1);
      assert.deepEqual(mine(await store.findOverdueTasks([{ name: 'crawl', limitMs: 10 }], 100)), [expected]);
      assert.deepEqual(mine(await store.findOverdueTasks([{ name: 'crawl', limitMs: hour }], 100)), []);
      assert.deepEqual(mine(await store.findOverdueTasks([], 100)), []);
    });

    test('ended jobs are removed with all they have, others and due callbacks stay', async () => {
      const { store } = stores();
      const [old, active, due] = [await planned(store, 2), await planned(store, 1), await planned(store, 1)];
      await finished(store, old, 'failed');
      const end = { status: 'failed', result: null, error: failure, callback: true } as const;
      await store.finishJob(due, end);
      await new Promise((resolve) => setTimeout(resolve, 10));
      const kept = await store.deleteEndedJobs(0, 10_000);
      assert.ok(!kept.includes(old.jobId), 'a job goes when its tasks have gone');
      assert.equal((await store.listTasks(old.jobId, 1, { limit: 10 })).length, 2);
      for (let most = 1; (await store.emptyEndedJobs(0, 10_000, most)) >= most; most += 1);
      assert.deepEqual(await store.listTasks(old.jobId, 1, { limit: 10 }), []);
      assert.deepEqual(await store.listEvents(old.jobId, { limit: 10 }), []);
      assert.equal((await store.listTasks(due.jobId, 1, { limit: 10 })).length, 1);
      const removed = await store.deleteEndedJobs(0, 10_000);
      assert.ok(removed.includes(old.jobId));
      assert.ok(!removed.includes(active.jobId) && !removed.includes(due.jobId));
      assert.equal(await store.getJob(old.jobId), null);
      assert.equal((await taskOf(store, { ...active, task: 0 })).status, 'queued');
    });

    test('runs of upkeep are kept, newest first', async () => {
      const { store } = stores();
      const base = { worker: 'w', durationMs: 12.6, scanned: 3, actions: [`it's "quoted"`], error: null };
      await store.recordUpkeepRun({ ...base, run: 'leases', fixed: 0 });
      await store.recordUpkeepRun({ ...base, run: 'stages', fixed: 2 });
      await store.recordUpkeepRun({ ...base, run: 'leases', fixed: 0, error: failure });
      const all = await store.listUpkeepRuns({ limit: 3 });
      assert.deepEqual(
        all.map(({ run: name, fixed, error }) => [name, fixed, error?.code]),
        [
          ['leases', 0, 'GDAL_FAILED'],
          ['stages', 2, undefined],
          ['leases', 0, undefined],
        ],
      );
      assert.deepEqual(all[1]?.actions, base.actions);
      const [fixed] = await store.listUpkeepRuns({ fixedOnly: true, limit: 1 });
      assert.equal(fixed?.run, 'stages');
      const [older] = await store.listUpkeepRuns({ run: 'leases', after: all[0]?.id ?? 0, limit: 1 });
      assert.equal(older?.id, all[2]?.id);
      await new Promise((resolve) => setTimeout(resolve, 30));
      await store.deleteUpkeepRuns(0);
      assert.deepEqual(await store.listUpkeepRuns({ limit: 3 }), []);
    });
  });
}

/** A failed job of four tasks of which the first two were completed. */
async function halfDone(store: StateStore): Promise<StageRef> {
  const ref = await planned(store, 4);
  await runAll(store, ref, 2);
  await run(store, { ...ref, task: 2 }, { status: 'failed', error: failure });
  await finished(store, ref, 'failed');
  return ref;
}

async function nextRun(store: StateStore, ref: StageRef): Promise<StageRef> {
  const job = await store.retryJob(ref.jobId, again);
  assert.ok(job);
  return { jobId: ref.jobId, run: job.run, stage: 1 };
}

/** Finders may add the correlation id. */
