import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineJob } from '../../core/job.ts';
import { type Bench, bench, Crash, drainLosing, numberHandler } from './engine-tools.ts';

const upkeepRuns = ['republish', 'leases', 'stages', 'timeouts'] as const;

/** A job that cannot be finalised the first `failures` times; tells when it was tried, in s, and how often its tasks ran. */
function reluctant(failures: number, overrides: Parameters<typeof bench>[1] = {}) {
  const tries: number[] = [];
  const seen = { tasks: 0 };
  let b: Bench | undefined;
  let start = 0;
  const work = numberHandler('work', (value) => {
    seen.tasks += 1;
    return value;
  });
  const job = defineJob('reluctant', { description: 'for tests', parameters: z.object({}), timeLimitHours: 1 })
    .stage('first', work, () => ['a', 'b', 'c'].map((key) => ({ key, input: { value: 1 } })))
    .stage('second', work, () => [{ key: 'one', input: { value: 2 } }])
    .finalize(() => {
      start ||= b?.clock.now() ?? 0;
      tries.push(((b?.clock.now() ?? 0) - start) / 1000);
      if (tries.length <= failures) throw new CoreMachineError('STORAGE_UNAVAILABLE', 'away');
      return {};
    });
  b = bench([job], overrides);
  return { b, tries, seen };
}

test('a job that cannot be finalised for a while: it is tried again after 5, 10 and 20 s, and no task with it', async () => {
  const { b, tries, seen } = reluctant(3);
  const jobId = await b.submit('reluctant');
  await b.drainAll();
  assert.deepEqual(tries, [0, 5, 15, 35]);
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
  assert.equal(seen.tasks, 4);
  const events = (await b.store.listEvents(jobId, { limit: 50 })).filter(({ event }) => event === 'finalize_retried');
  assert.deepEqual(
    events.map(({ attempt, stage, detail }) => [attempt, stage, detail?.delay_ms]),
    [
      [1, 2, 5000],
      [2, 2, 10_000],
      [3, 2, 20_000],
    ],
  );
  const logged = b.events.filter(({ event }) => event === 'Job:FinalizeRetried');
  assert.deepEqual(
    logged.map(({ fields }) => [fields.attempt, fields.code]),
    [1, 2, 3].map((attempt) => [attempt, 'STORAGE_UNAVAILABLE']),
  );
});

test('a job that cannot be finalised in four attempts fails with the error; a retry of it only finalises', async () => {
  const { b, tries, seen } = reluctant(4);
  const jobId = await b.submit('reluctant');
  await b.drainAll();
  const { status, error } = (await b.store.getJob(jobId)) ?? {};
  assert.deepEqual([tries.length, status, error?.code], [4, 'failed', 'STORAGE_UNAVAILABLE']);
  b.clock.advance(6 * 60_000);
  for (const run of upkeepRuns) assert.equal((await b.machine.upkeep(run)).fixed, 0, run);
  await b.machine.retry(jobId, { fromStart: false, correlationId: 'again' });
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
  assert.equal(seen.tasks, 4, 'none ran again');
});

test('a job that cannot be finalised and every message is lost: upkeep takes the step, and it ends after four attempts', async () => {
  const { b, tries } = reluctant(Number.POSITIVE_INFINITY);
  const jobId = await b.submit('reluctant');
  const job = () => b.store.getJob(jobId);
  await b.drain();
  for (let round = 0; round < 40 && (await job())?.status !== 'failed'; round += 1) {
    while (b.queue.length > 0) {
      b.clock.advance(Math.max(0, (b.queue.nextDue() ?? 0) - b.clock.now()));
      b.queue.take();
    }
    b.clock.advance(60_000);
    for (const run of ['republish', 'leases', 'stages'] as const) await b.machine.upkeep(run);
  }
  assert.deepEqual([(await job())?.error?.code, tries.length], ['STORAGE_UNAVAILABLE', 4]);
});

test('a worker that dies between noting the retry and sending its message: upkeep finalises the job', async () => {
  const { b, tries } = reluctant(1, {
    instants: (name) => {
      if (name === 'retry-stored') throw new Crash(name);
    },
  });
  const jobId = await b.submit('reluctant');
  await drainLosing(b);
  assert.deepEqual([b.queue.length, tries.length], [0, 1]);
  b.clock.advance(60_000);
  assert.equal((await b.machine.upkeep('stages')).fixed, 1);
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
});

test('who asks while the retry waits is not counted, and may find that the error has passed', async () => {
  const { b, tries } = reluctant(3);
  const jobId = await b.submit('reluctant');
  await b.drain();
  assert.equal(tries.length, 1);
  const message = { job_id: jobId, run: 1, stage: 2, correlation_id: 'test' };
  await b.machine.handleJobMessage(message);
  await b.machine.handleJobMessage(message);
  const events = (await b.store.listEvents(jobId, { limit: 50 })).filter(({ event }) => event === 'finalize_retried');
  assert.deepEqual([tries.length, events.length], [3, 1]);
  await b.machine.handleJobMessage(message);
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
  await b.drainAll();
  assert.equal(tries.length, 4, 'the message of the retry finds the job ended');
});

test('while the database is away nothing is counted: the message comes again', async () => {
  const { b, tries } = reluctant(1);
  const jobId = await b.submit('reluctant');
  const { retryStep } = b.store;
  b.store.retryStep = () => Promise.reject(new CoreMachineError('DATABASE_UNAVAILABLE', 'away'));
  await assert.rejects(b.drain(), { code: 'DATABASE_UNAVAILABLE' });
  b.store.retryStep = retryStep;
  assert.equal((await b.store.getJob(jobId))?.status, 'processing');
  await b.machine.handleTaskMessage({ job_id: jobId, run: 1, stage: 2, task: 0, correlation_id: 'test' });
  assert.deepEqual([(await b.store.getJob(jobId))?.status, tries.length], ['completed', 2]);
});
