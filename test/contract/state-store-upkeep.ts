import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StageRef } from '../../core/ports/state-store.ts';
import { eventually } from '../tools/poll.ts';
import {
  atOnce,
  cancelled,
  claimed,
  claimedInTime,
  completed,
  failure,
  finished,
  heldTask,
  newJob,
  newStage,
  newTasks,
  planned,
  retry,
  run,
  runAll,
  type Stores,
  submitted,
} from './state-store-tools.ts';

const all = 1000;
const minute = 60_000;
const now = { unsentMs: 0, unansweredMs: 0 };

/** Those rows of a finder's answer that are about one job. */
function of<Row extends { readonly jobId: string }>(ref: { readonly jobId: string }, rows: readonly Row[]): Row[] {
  return rows.filter(({ jobId }) => jobId === ref.jobId);
}

export function testUpkeep(stores: Stores): void {
  describe('jobs to publish', () => {
    test('one whose message was not sent, once it is old enough', async () => {
      const { store } = stores();
      const ref = await submitted(store, { correlationId: 'c-1' });
      const found = await eventually(async () => of(ref, await store.findJobsToPublish(now, all))[0]);
      assert.deepEqual(found, { ...ref, correlationId: 'c-1' });
      const later = { unsentMs: minute, unansweredMs: 0 };
      assert.deepEqual(of(ref, await store.findJobsToPublish(later, all)), []);
    });

    test('one whose message was sent, but not answered for longer', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      await store.markJobPublished(ref);
      const patient = { unsentMs: 0, unansweredMs: minute };
      assert.deepEqual(of(ref, await store.findJobsToPublish(patient, all)), []);
      await eventually(async () => of(ref, await store.findJobsToPublish(now, all))[0]);
    });

    test('a message for another stage or run does not count as sent', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      for (const wrong of [
        { ...ref, stage: 2 },
        { ...ref, run: 2 },
      ])
        await store.markJobPublished(wrong);
      const patient = { unsentMs: 0, unansweredMs: minute };
      await eventually(async () => of(ref, await store.findJobsToPublish(patient, all))[0]);
    });

    test('not one that is planned; again when it has advanced; not when it has ended', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      await store.markJobPublished(ref);
      await store.createStage(ref, newStage(), []);
      assert.deepEqual(of(ref, await store.findJobsToPublish(now, all)), []);
      await store.advanceJob(ref);
      const unsentOnly = { unsentMs: 0, unansweredMs: minute };
      const found = await eventually(async () => of(ref, await store.findJobsToPublish(unsentOnly, all))[0]);
      assert.equal(found.stage, 2);
      await finished(store, { ...ref, stage: 2 }, 'cancelled');
      assert.deepEqual(of(ref, await store.findJobsToPublish(now, all)), []);
    });

    test('oldest first, and no more than asked for', async () => {
      const { store } = stores();
      const refs: StageRef[] = [];
      // Their ids go the other way.
      for (const digit of ['f', '8', '0']) {
        refs.push(await submitted(store, { jobId: digit + newJob().jobId.slice(1) }));
        // Each is older than the next by what the store can tell apart.
        await eventually(
          async () => of(refs.at(-1) ?? { jobId: '' }, await store.findJobsToPublish({ ...now, unsentMs: 3 }, all))[0],
        );
      }
      const found = await store.findJobsToPublish(now, all);
      const ids = new Set(refs.map(({ jobId }) => jobId));
      assert.deepEqual(
        found.filter(({ jobId }) => ids.has(jobId)).map(({ jobId }) => jobId),
        refs.map(({ jobId }) => jobId),
      );
      assert.deepEqual(await store.findJobsToPublish(now, 2), found.slice(0, 2));
    });

    test('the next run of a failed job is due again', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      await store.markJobPublished(ref);
      await finished(store, ref, 'failed');
      await store.submitJob(newJob({ jobId: ref.jobId, correlationId: 'second' }), { force: false });
      const unsentOnly = { unsentMs: 0, unansweredMs: minute };
      const found = await eventually(async () => of(ref, await store.findJobsToPublish(unsentOnly, all))[0]);
      assert.deepEqual(found, { jobId: ref.jobId, run: 2, stage: 1, correlationId: 'second' });
    });
  });

  describe('stages to publish', () => {
    test('one with unsent tasks that nobody has been sending for a while', async () => {
      const { store } = stores();
      const ref = await planned(store, 10, { job: { correlationId: 'c-2' } });
      const found = await eventually(async () => of(ref, await store.findStagesToPublish(0, all))[0]);
      assert.deepEqual(found, { ...ref, published: 0, total: 10, correlationId: 'c-2' });
      await store.markTasksPublished(ref, 4);
      assert.deepEqual(of(ref, await store.findStagesToPublish(minute, all)), []);
      const rest = await eventually(async () => of(ref, await store.findStagesToPublish(0, all))[0]);
      assert.equal(rest.published, 4);
      await store.markTasksPublished(ref, 10);
      assert.deepEqual(of(ref, await store.findStagesToPublish(0, all)), []);
    });

    test('somebody who is still sending is left alone', async () => {
      const { store } = stores();
      const ref = await planned(store, 10);
      await eventually(async () => of(ref, await store.findStagesToPublish(400, all))[0]);
      await store.markTasksPublished(ref, 4);
      assert.deepEqual(of(ref, await store.findStagesToPublish(400, all)), []);
      await eventually(async () => of(ref, await store.findStagesToPublish(400, all))[0]);
    });

    test('not one without tasks, nor one of a job that has ended', async () => {
      const { store } = stores();
      const empty = await planned(store, 0);
      const ended = await planned(store, 5);
      await finished(store, ended, 'failed');
      const found = await store.findStagesToPublish(0, all);
      assert.deepEqual([...of(empty, found), ...of(ended, found)], []);
    });
  });

  describe('tasks to publish again', () => {
    test('queued ones whose message is old, each once until it is old again', async () => {
      const { store } = stores();
      const ref = await planned(store, 3, { job: { correlationId: 'c-3' } });
      assert.deepEqual(of(ref, await store.takeTasksToPublish({ unansweredMs: 0, certainMs: 0 }, all)), []);
      await store.markTasksPublished(ref, 2);
      const taken = await eventually(async () => {
        const found = of(ref, await store.takeTasksToPublish({ unansweredMs: 400, certainMs: 400 }, all));
        return found.length > 0 ? found : null;
      });
      assert.deepEqual(
        taken,
        [0, 1].map((task) => ({ ...ref, task, attempt: 0, correlationId: 'c-3' })),
      );
      assert.deepEqual(of(ref, await store.takeTasksToPublish({ unansweredMs: 400, certainMs: 400 }, all)), []);
      await eventually(
        async () => of(ref, await store.takeTasksToPublish({ unansweredMs: 400, certainMs: 400 }, all)).length === 2,
      );
    });

    test('a retry when it is due and its message is old', async () => {
      const { store } = stores();
      const ref = await planned(store, 3);
      await store.markTasksPublished(ref, 3);
      await run(store, { ...ref, task: 0 }, retry(0));
      await run(store, { ...ref, task: 1 }, retry(minute));
      await claimed(store, { ...ref, task: 2 });
      const taken = await eventually(async () => {
        const found = of(ref, await store.takeTasksToPublish({ unansweredMs: 0, certainMs: 0 }, all));
        return found.length > 0 ? found : null;
      });
      assert.deepEqual(
        taken.map(({ task, attempt }) => [task, attempt]),
        [[0, 1]],
      );
      assert.deepEqual(of(ref, await store.takeTasksToPublish({ unansweredMs: minute, certainMs: minute }, all)), []);
    });

    test('none that is running, has ended, or whose job has', async () => {
      const { store } = stores();
      const running = await planned(store, 2);
      await store.markTasksPublished(running, 2);
      await claimed(store, { ...running, task: 0 });
      await run(store, { ...running, task: 1 });
      const ended = await planned(store, 2);
      await store.markTasksPublished(ended, 2);
      await finished(store, ended, 'cancelled');
      const found = await store.takeTasksToPublish({ unansweredMs: 0, certainMs: 0 }, all);
      assert.deepEqual([...of(running, found), ...of(ended, found)], []);
    });

    test('two reconcilers at once take each task once', async () => {
      const pair = stores();
      const ref = await planned(pair.store, 60);
      await pair.store.markTasksPublished(ref, 60);
      const taken: number[] = [];
      await eventually(async () => {
        const answers = await atOnce(pair, 6, (store) =>
          store.takeTasksToPublish({ unansweredMs: 1000, certainMs: 1000 }, all),
        );
        taken.push(...of(ref, answers.flat()).map(({ task }) => task));
        return taken.length >= 60;
      });
      assert.deepEqual(
        taken.toSorted((a, b) => a - b),
        Array.from({ length: 60 }, (_, task) => task),
      );
    });

    test('no more than asked for', async () => {
      const { store } = stores();
      const ref = await planned(store, 9);
      await store.markTasksPublished(ref, 9);
      const first = await eventually(async () => {
        const found = await store.takeTasksToPublish({ unansweredMs: 0, certainMs: 0 }, 4);
        return found.length > 0 ? found : null;
      });
      assert.ok(first.length <= 4);
    });
  });

  describe('expired leases', () => {
    test('a running task whose lease has run out, until it is taken over', async () => {
      const { store, other } = stores();
      const ref = await planned(store, 2, { job: { correlationId: 'c-4' } });
      await claimed(store, { ...ref, task: 0 });
      await claimed(store, { ...ref, task: 1 }, { worker: 'gone', leaseMs: 200 });
      const found = await eventually(async () => of(ref, await store.takeExpiredLeases(0, all))[0]);
      const expected = await heldTask(store, { ...ref, task: 1 }, { correlationId: 'c-4' });
      assert.equal(expected.worker, 'gone');
      assert.deepEqual(found, { ...expected, orphaned: false });
      await claimedInTime(other, { ...ref, task: 1 });
      assert.deepEqual(of(ref, await store.takeExpiredLeases(0, all)), []);
    });

    test('each once until its message is old, or a lease ran out again', async () => {
      const { store, other } = stores();
      const ref = await planned(store, 1);
      const task = { ...ref, task: 0 };
      const taken = async (unansweredMs: number) =>
        of(ref, await store.takeExpiredLeases(unansweredMs, all)).length > 0;
      await claimed(store, task, { worker: 'gone', leaseMs: 100 });
      await eventually(() => taken(minute));
      assert.equal(await taken(minute), false);
      assert.deepEqual(of(ref, await other.takeExpiredLeases(minute, all)), [], 'whoever asks');
      await eventually(() => taken(300), { timeoutMs: 5000 });
      await claimedInTime(store, task, { worker: 'gone too', leaseMs: 100 });
      await eventually(() => taken(minute));
      assert.equal(await store.renewLease(task, { attempt: 2, leaseMs: 100, progress: null }), 'held');
      await eventually(() => taken(minute));
      assert.equal(await taken(minute), false);
    });

    test('two reconcilers at once take each once', async () => {
      const pair = stores();
      const ref = await planned(pair.store, 30);
      for (let task = 0; task < 30; task += 1)
        await claimed(pair.store, { ...ref, task }, { worker: 'w', leaseMs: 50 });
      const numbers: number[] = [];
      await eventually(async () => {
        const answers = await atOnce(pair, 6, (store) => store.takeExpiredLeases(minute, all));
        numbers.push(...of(ref, answers.flat()).map(({ task }) => task));
        return numbers.length >= 30;
      });
      assert.deepEqual(
        numbers.toSorted((a, b) => a - b),
        Array.from({ length: 30 }, (_, task) => task),
      );
    });

    test('a renewed lease and an ended attempt are not found', async () => {
      const { store } = stores();
      const ref = await planned(store, 3);
      for (const task of [0, 1, 2]) await claimed(store, { ...ref, task }, { worker: 'w', leaseMs: 200 });
      await eventually(async () => of(ref, await store.takeExpiredLeases(0, all)).length === 3);
      await store.renewLease({ ...ref, task: 0 }, { attempt: 1, leaseMs: minute, progress: null });
      await store.endAttempt({ ...ref, task: 1 }, 1, retry(minute));
      const found = of(ref, await store.takeExpiredLeases(0, all));
      assert.deepEqual(
        found.map(({ task }) => task),
        [2],
      );
    });

    test('one of a job that has ended, or runs again, is an orphan, and can be ended', async () => {
      const { store } = stores();
      const ref = await planned(store, 1);
      const task = { ...ref, task: 0 };
      await claimed(store, task, { worker: 'gone', leaseMs: 100 });
      await finished(store, ref, 'failed');
      const orphan = await eventually(async () => of(ref, await store.takeExpiredLeases(0, all))[0]);
      assert.equal(orphan.orphaned, true);
      await store.submitJob(newJob({ jobId: ref.jobId }), { force: false });
      await store.createStage({ ...ref, run: 2 }, newStage(), newTasks(1));
      const [still] = of(ref, await store.takeExpiredLeases(0, all));
      assert.deepEqual([still?.run, still?.orphaned], [1, true]);
      assert.equal(
        await store.endAttempt(orphan, orphan.attempt, { status: 'cancelled', error: cancelled }),
        'cancelled',
      );
      assert.deepEqual(of(ref, await store.takeExpiredLeases(0, all)), []);
    });

    test('no more than asked for', async () => {
      const { store } = stores();
      const ref = await planned(store, 3);
      for (const task of [2, 0, 1]) await claimed(store, { ...ref, task }, { worker: 'w', leaseMs: 100 });
      await eventually(async () => of(ref, await store.takeExpiredLeases(0, all)).length === 3);
      assert.equal((await store.takeExpiredLeases(0, 2)).length, 2);
      for (const task of [0, 1, 2]) await store.endAttempt({ ...ref, task }, 1, completed(task));
    });
  });

  describe('stages to close', () => {
    test('the current stage when its last task has ended and nobody went on', async () => {
      const { store } = stores();
      const ref = await planned(store, 2);
      const found = async () => of(ref, await store.findStagesToClose(0, all));
      assert.deepEqual(await found(), []);
      await run(store, { ...ref, task: 1 });
      assert.deepEqual(await found(), []);
      await run(store, { ...ref, task: 0 }, { status: 'failed', error: failure });
      assert.deepEqual([await eventually(async () => (await found())[0])], [ref]);
      assert.deepEqual(of(ref, await store.findStagesToClose(minute, all)), [], 'left to who ended it');
      await store.advanceJob(ref);
      assert.deepEqual(await found(), []);
    });

    test('one without tasks; not one of a job that has ended', async () => {
      const { store } = stores();
      const ref = await planned(store, 0);
      assert.deepEqual(of(ref, await store.findStagesToClose(0, all)), [ref]);
      assert.ok((await store.findStagesToClose(0, 1)).length <= 1);
      await finished(store, ref);
      assert.deepEqual(of(ref, await store.findStagesToClose(0, all)), []);
    });

    test('not one with a task that waits for its retry', async () => {
      const { store } = stores();
      const ref = await planned(store, 1);
      await run(store, { ...ref, task: 0 }, retry(minute));
      assert.deepEqual(of(ref, await store.findStagesToClose(0, all)), []);
    });
  });

  describe('callbacks', () => {
    const end = { status: 'completed', result: { n: 1 }, error: null, callback: true } as const;

    test('one is due until it was delivered', async () => {
      const { store } = stores();
      const ref = await planned(store, 1);
      await runAll(store, ref, 1);
      await store.finishJob(ref, end);
      const due = await eventually(async () => of(ref, await store.findCallbacksDue(0, all))[0]);
      assert.deepEqual(due, { jobId: ref.jobId, run: 1 });
      assert.deepEqual(of(ref, await store.findCallbacksDue(minute, all)), []);
      await store.markCallbackDelivered(ref.jobId, 2);
      assert.equal(of(ref, await store.findCallbacksDue(0, all)).length, 1);
      await store.markCallbackDelivered(ref.jobId, 1);
      assert.deepEqual(of(ref, await store.findCallbacksDue(0, all)), []);
      await store.markCallbackDelivered(ref.jobId, 1);
    });

    test('none is due where none was asked for, also when the job runs again', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      await store.finishJob(ref, { ...end, status: 'failed', callback: false });
      await store.submitJob(newJob({ jobId: ref.jobId }), { force: false });
      assert.deepEqual(of(ref, await store.findCallbacksDue(0, all)), []);
    });

    test('the job that ended first comes first', async () => {
      const { store } = stores();
      const refs = [await submitted(store), await submitted(store), await submitted(store)];
      const order = refs.toReversed();
      for (const ref of order) {
        await store.finishJob(ref, end);
        await eventually(async () => of(ref, await store.findCallbacksDue(3, all))[0]);
      }
      const ids = new Set(refs.map(({ jobId }) => jobId));
      const due = (await store.findCallbacksDue(0, all)).filter(({ jobId }) => ids.has(jobId));
      assert.deepEqual(
        due.map(({ jobId }) => jobId),
        order.map(({ jobId }) => jobId),
      );
      assert.equal((await store.findCallbacksDue(0, 2)).length, 2);
    });
  });
}
