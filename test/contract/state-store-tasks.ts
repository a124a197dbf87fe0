import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type JsonValue, jsonBytes } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { eventually } from '../tools/poll.ts';
import {
  awkwardTexts,
  cancelled,
  claimed,
  claimedInTime,
  completed,
  failure,
  finished,
  longLease,
  near,
  planned,
  retry,
  run,
  runAll,
  type Stores,
  submitted,
  taskOf,
} from './state-store-tools.ts';

const refused = { kind: 'refused' };

export function testTasks(stores: Stores): void {
  describe('claiming', () => {
    test('a queued task is taken, with what its worker needs', async () => {
      const { store } = stores();
      const ref = await planned(store, 2, { job: { jobType: 'ingest_vector' }, stage: { name: 'load' } });
      const outcome = await store.claimTask({ ...ref, task: 1 }, { worker: 'host-a:42', leaseMs: 60_000 });
      assert.deepEqual(outcome, {
        kind: 'claimed',
        task: {
          key: 'tile-1',
          attempt: 1,
          input: { number: 1 },
          jobType: 'ingest_vector',
          stageName: 'load',
          stageTasks: 2,
        },
      });
      const task = await taskOf(store, { ...ref, task: 1 });
      assert.deepEqual([task.status, task.attempt, task.worker], ['processing', 1, 'host-a:42']);
      near(task.startedAt ?? new Date(0), Date.now(), 5_000);
      assert.equal((await taskOf(store, { ...ref, task: 0 })).status, 'queued');
    });

    test('a task that is held is busy until its lease runs out', async () => {
      const { store, other } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      await claimed(store, task, { worker: 'a', leaseMs: 40_000 });
      const outcome = await other.claimTask(task, { worker: 'b', leaseMs: 60_000 });
      assert.equal(outcome.kind, 'busy');
      near('until' in outcome ? outcome.until : new Date(0), Date.now() + 40_000, 5_000);
      assert.equal((await taskOf(store, task)).worker, 'a');
    });

    test('a lease that has run out is taken over, and the attempt rises', async () => {
      const { store, other } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      await claimed(store, task, { worker: 'a', leaseMs: 200 });
      await store.renewLease(task, { attempt: 1, leaseMs: 200, progress: 0.5 });
      const begun = (await taskOf(store, task)).startedAt;
      const taken = await claimedInTime(other, task, { worker: 'b', leaseMs: 60_000 });
      assert.equal(taken.attempt, 2);
      const { worker, attempt, progress, startedAt, createdAt } = await taskOf(store, task);
      assert.deepEqual([worker, attempt, progress], ['b', 2, null]);
      assert.ok(startedAt && startedAt >= createdAt);
      assert.deepEqual(startedAt, begun);
    });

    test('tasks that are over, unknown, or of another run or stage are refused', async () => {
      const { store } = stores();
      const ref = await planned(store, 3, { stage: { policy: 'continue' } });
      await run(store, { ...ref, task: 0 });
      await run(store, { ...ref, task: 1 }, { status: 'failed', error: failure });
      await run(store, { ...ref, task: 2 }, { status: 'cancelled', error: cancelled });
      const huge = Number.MAX_SAFE_INTEGER;
      const nowhere = [
        { ...ref, task: 0 },
        { ...ref, task: 1 },
        { ...ref, task: 2 },
        { ...ref, task: 3 },
        { ...ref, task: -1 },
        { ...ref, task: huge },
        { ...ref, task: 0, stage: 2 },
        { ...ref, task: 0, run: 2 },
        { ...ref, task: 0, run: huge, stage: huge },
        { ...ref, task: 0, jobId: 'c'.repeat(64) },
      ];
      for (const task of nowhere)
        assert.deepEqual(await store.claimTask(task, longLease), refused, JSON.stringify(task));
    });

    test('nothing of a job that is not planned, or has ended, can be taken', async () => {
      const { store } = stores();
      const queued = await submitted(store);
      assert.deepEqual(await store.claimTask({ ...queued, task: 0 }, longLease), refused);
      const ref = await planned(store, 2);
      await claimed(store, { ...ref, task: 0 }, { worker: 'a', leaseMs: 1 });
      await finished(store, ref, 'failed');
      await eventually(async () => (await store.takeExpiredLeases(0, 1000)).some(({ jobId }) => jobId === ref.jobId));
      for (const task of [0, 1]) assert.deepEqual(await store.claimTask({ ...ref, task }, longLease), refused);
    });

    test('after its stage was advanced, a task is refused', async () => {
      const { store } = stores();
      const ref = await planned(store, 1);
      await runAll(store, ref, 1);
      await store.advanceJob(ref);
      assert.deepEqual(await store.claimTask({ ...ref, task: 0 }, longLease), refused);
    });
  });

  describe('retries', () => {
    test('a task to retry is early until its time has come', async () => {
      const { store } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      await run(store, task, retry(60_000));
      const outcome = await store.claimTask(task, longLease);
      assert.equal(outcome.kind, 'early');
      near('until' in outcome ? outcome.until : new Date(0), Date.now() + 60_000, 5_000);
      const { status, error, attempt, completedAt } = await taskOf(store, task);
      assert.deepEqual([status, error, attempt, completedAt], ['retrying', failure, 1, null]);
    });

    test('a retry without delay can be taken at once', async () => {
      const { store } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      await run(store, task, retry(0));
      assert.equal((await claimed(store, task)).attempt, 2);
    });

    test('a retry is waited for, and then taken', async () => {
      const { store } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      const ended = Date.now();
      await run(store, task, retry(2_500));
      assert.equal((await store.claimTask(task, longLease)).kind, 'early');
      const { attempt } = await claimedInTime(store, task);
      const waited = Date.now() - ended;
      assert.equal(attempt, 2);
      // A store may take messages for punctual that come up to a second early.
      assert.ok(waited >= 1_400, `claimed after ${waited} ms`);
    });

    test('attempts count up until the task completes, and the last error is gone then', async () => {
      const { store } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      for (const expected of [1, 2, 3]) {
        const { attempt } = await claimed(store, task);
        assert.equal(attempt, expected);
        await store.endAttempt(task, attempt, retry(0));
      }
      await run(store, task, completed('fine'));
      const { attempt, status, error } = await taskOf(store, task);
      assert.deepEqual([attempt, status, error], [4, 'completed', null]);
    });
  });

  describe('leases', () => {
    test('renewing moves the lease on and keeps the last progress', async () => {
      const { store } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      await claimed(store, task, { worker: 'a', leaseMs: 500 });
      assert.equal(await store.renewLease(task, { attempt: 1, leaseMs: 90_000, progress: 0.5 }), 'held');
      const busy = await store.claimTask(task, longLease);
      assert.equal(busy.kind, 'busy');
      near('until' in busy ? busy.until : new Date(0), Date.now() + 90_000, 5_000);
      assert.equal(await store.renewLease(task, { attempt: 1, leaseMs: 90_000, progress: null }), 'held');
      assert.equal((await taskOf(store, task)).progress, 0.5);
    });

    test('a lease that ran out and was not taken over is still held', async () => {
      const { store } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      await claimed(store, task, { worker: 'a', leaseMs: 1 });
      await eventually(async () => (await store.takeExpiredLeases(0, 1000)).some(({ jobId }) => jobId === task.jobId));
      assert.equal(await store.renewLease(task, { attempt: 1, leaseMs: 60_000, progress: null }), 'held');
      assert.equal((await store.claimTask(task, longLease)).kind, 'busy');
    });

    test('once the job has ended a worker hears of it, and still may say how it ended', async () => {
      const { store } = stores();
      const ref = await planned(store, 2);
      const task = { ...ref, task: 0 };
      await claimed(store, task);
      await finished(store, ref, 'cancelled');
      assert.equal(await store.renewLease(task, { attempt: 1, leaseMs: 60_000, progress: null }), 'cancelled');
      assert.equal(await store.endAttempt(task, 1, { status: 'cancelled', error: cancelled }), 'cancelled');
      assert.equal((await taskOf(store, task)).status, 'cancelled');
      assert.equal(await store.renewLease(task, { attempt: 1, leaseMs: 60_000, progress: null }), 'lost');
    });

    test('a lease on nothing is lost', async () => {
      const { store } = stores();
      const ref = await planned(store, 1);
      const lease = { attempt: 1, leaseMs: 1000, progress: null };
      assert.equal(await store.renewLease({ ...ref, task: 0 }, lease), 'lost');
      assert.equal(await store.renewLease({ ...ref, task: 9 }, lease), 'lost');
      assert.equal(await store.renewLease({ ...ref, task: 0, jobId: 'b'.repeat(64) }, lease), 'lost');
    });
  });

  describe('fencing', () => {
    test('a worker that lost its lease can neither renew nor end', async () => {
      const { store, other } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      await claimed(store, task, { worker: 'slow', leaseMs: 200 });
      assert.equal((await claimedInTime(other, task, { worker: 'quick', leaseMs: 60_000 })).attempt, 2);
      assert.equal(await store.renewLease(task, { attempt: 1, leaseMs: 60_000, progress: 1 }), 'lost');
      for (const end of [completed('slow'), retry(0), { status: 'failed', error: failure } as const]) {
        assert.equal(await store.endAttempt(task, 1, end), 'lost');
      }
      assert.equal(await other.endAttempt(task, 2, completed('quick')), 'completed');
      assert.equal(await store.endAttempt(task, 1, completed('slow')), 'lost');
      assert.equal(await other.endAttempt(task, 2, completed('again')), 'lost');
      const [result] = await store.resultPage(task, -1, 10);
      assert.deepEqual(result, { number: 0, key: 'tile-0', output: 'quick' });
    });

    test('an attempt that is to come, a queued task and an unknown one cannot be ended', async () => {
      const { store } = stores();
      const ref = await planned(store, 2);
      assert.equal(await store.endAttempt({ ...ref, task: 0 }, 0, completed(1)), 'lost');
      assert.equal(await store.endAttempt({ ...ref, task: 0 }, 1, completed(1)), 'lost');
      await claimed(store, { ...ref, task: 0 });
      assert.equal(await store.endAttempt({ ...ref, task: 0 }, 2, completed(1)), 'lost');
      assert.equal(await store.endAttempt({ ...ref, task: 7 }, 1, completed(1)), 'lost');
      assert.equal(await store.endAttempt({ ...ref, task: 0, jobId: 'a'.repeat(64) }, 1, completed(1)), 'lost');
      assert.equal((await taskOf(store, { ...ref, task: 0 })).status, 'processing');
    });
  });

  describe('results', () => {
    test('every result comes back as it went in', async () => {
      const { store } = stores();
      const outputs: JsonValue[] = [null, 0, false, '', [], { z: 1, a: 2 }, awkwardTexts, 'NULL', 'y'.repeat(900_000)];
      const ref = await planned(store, outputs.length);
      await Promise.all(outputs.map((result, task) => run(store, { ...ref, task }, { status: 'completed', result })));
      const got: JsonValue[] = [];
      for (let after = -1; after < outputs.length - 1; ) {
        const page = await store.resultPage(ref, after, 100);
        assert.ok(page.length > 0);
        got.push(...page.map(({ output }) => output));
        after = page.at(-1)?.number ?? after;
      }
      assert.equal(JSON.stringify(got), JSON.stringify(outputs));
    });

    test('pages are in the order of numbers, not of texts or of completion', async () => {
      const { store } = stores();
      const ref = await planned(store, 25, { stage: { policy: 'continue' } });
      for (const task of [11, 2, 24, 10, 1, 0]) await run(store, { ...ref, task }, completed(`r${task}`));
      await run(store, { ...ref, task: 3 }, { status: 'failed', error: failure });
      await claimed(store, { ...ref, task: 4 });
      const numbers = async (after: number, limit: number) =>
        (await store.resultPage(ref, after, limit)).map(({ number, key, output }) => {
          assert.deepEqual([key, output], [`tile-${number}`, `r${number}`]);
          return number;
        });
      assert.deepEqual(await numbers(-1, 100), [0, 1, 2, 10, 11, 24]);
      assert.deepEqual(await numbers(-1, 2), [0, 1]);
      assert.deepEqual(await numbers(1, 2), [2, 10]);
      assert.deepEqual(await numbers(2, 3), [10, 11, 24]);
      assert.deepEqual(await numbers(11, 3), [24]);
      assert.deepEqual(await numbers(24, 3), []);
      assert.deepEqual(await store.resultPage({ ...ref, stage: 2 }, -1, 10), []);
    });

    // Hexadecimal digits without a pattern, which a database cannot compress, and text that it compresses to nothing.
    const digits = (task: number) => Array.from({ length: 1200 }, (_, i) => pseudoRandom(task * 5000 + i)).join('');
    for (const [what, text] of [
      ['large results', (task: number) => digits(task).repeat(60)],
      ['large results that compress well', (task: number) => `${task}`.padEnd(1024 * 1024 - 2, 'land cover ')],
    ] as const) {
      test(`${what} come in pages that fit into memory, and none is lost`, async () => {
        const { store } = stores();
        const ref = await planned(store, 30);
        const tasks = Array.from({ length: 30 }, (_, task) => task);
        const textOf = (task: number) => (task < 5 ? 'small' : text(task));
        await Promise.all(tasks.map((task) => run(store, { ...ref, task }, completed(textOf(task)))));
        const seen: number[] = [];
        for (let page = await store.resultPage(ref, -1, 500); page.length > 0; ) {
          for (const { number, output } of page) assert.equal(output, textOf(number));
          seen.push(...page.map(({ number }) => number));
          const bytes = jsonBytes(page.map(({ output }) => output));
          assert.ok(bytes <= limits.resultPageBytes + 2 + page.length, `${page.length} results of ${bytes} bytes`);
          const isLast = seen.length === tasks.length;
          assert.ok(isLast || bytes > limits.resultPageBytes - 1_100_000, 'nor is a page smaller than it has to be');
          page = await store.resultPage(ref, seen.at(-1) ?? -1, 500);
        }
        assert.deepEqual(seen, tasks);
      });
    }

    test('a result that fills a page alone still comes', async () => {
      const { store } = stores();
      const ref = await planned(store, 3);
      const huge = 'x'.repeat(limits.resultPageBytes);
      for (const task of [0, 1, 2]) await run(store, { ...ref, task }, completed(task === 1 ? huge : 'small'));
      const lengths = async (after: number) =>
        (await store.resultPage(ref, after, 500)).map(({ output }) => String(output).length);
      assert.deepEqual([await lengths(-1), await lengths(0), await lengths(1)], [[5], [huge.length], [5]]);
    });

    test('the first failure is the one with the lowest number', async () => {
      const { store } = stores();
      const ref = await planned(store, 12, { stage: { policy: 'continue' } });
      assert.equal(await store.firstFailure(ref), null);
      const error = (task: number) => ({
        ...failure,
        message: `${awkwardTexts.join()} ${task}`,
        details: [{ message: 'd' }],
      });
      for (const task of [10, 2, 5]) await run(store, { ...ref, task }, { status: 'failed', error: error(task) });
      await run(store, { ...ref, task: 0 }, { status: 'cancelled', error: cancelled });
      assert.deepEqual(await store.firstFailure(ref), { task: 2, key: 'tile-2', error: error(2) });
      assert.equal(await store.firstFailure({ ...ref, stage: 2 }), null);
    });

    test('an error with any character in its message can be stored: no exit is without a state', async () => {
      const { store } = stores();
      const ref = await planned(store, 2, { stage: { policy: 'continue' } });
      const error = { ...failure, message: 'nul \0 and half of a pair \ud800 end' };
      await run(store, { ...ref, task: 0 }, { status: 'failed', error });
      assert.equal((await taskOf(store, { ...ref, task: 0 })).error?.message, error.message);
      assert.equal(await store.finishJob(ref, { status: 'failed', result: null, error, callback: false }), true);
      assert.equal((await store.getJob(ref.jobId))?.error?.message, error.message);
    });
  });
}

/** Eight hexadecimal digits that depend on `seed` alone (a round of xorshift and multiplication). */
function pseudoRandom(seed: number): string {
  let x = Math.imul(seed + 1, 0x9e3779b1);
  x ^= x >>> 15;
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  return (x >>> 0).toString(16).padStart(8, '0');
}
