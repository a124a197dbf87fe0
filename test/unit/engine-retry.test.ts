import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineFanInHandler, defineHandler } from '../../core/handler.ts';
import { defineJob } from '../../core/job.ts';
import { CoreMachine } from '../../core/machine/core-machine.ts';
import { temporaryBlobs } from '../../core/temporary-blobs.ts';
import { memoryEngine } from '../../core/testing/run-job.ts';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';
import { bench } from './engine-tools.ts';

/** Doubles numbers; fails for good on those in `broken`. Counts what it did. */
function fragile(broken: Set<number>) {
  const done: number[] = [];
  const double = defineHandler('double', {
    description: 'Doubles.',
    input: z.object({ n: z.number() }),
    output: z.number(),
    async run({ n }) {
      if (broken.has(n)) throw new CoreMachineError('RASTER_UNSUPPORTED', `no ${n}`);
      done.push(n);
      return n * 2;
    },
  });
  let sums = 0;
  const sum = defineFanInHandler('sum', {
    description: 'Adds.',
    input: z.object({}),
    output: z.number(),
    previous: z.number(),
    async run(_, previous) {
      sums += 1;
      let total = 0;
      for await (const { output } of previous) total += output;
      return total;
    },
  });
  const parameters = z.object({ n: z.int() });
  const job = (name: string, onFailure: 'fail' | 'continue', finalFailures = { left: 0 }) =>
    defineJob(name, { description: 'Doubles and adds.', parameters, timeLimitHours: 1 })
      .stage(
        'double',
        double,
        ({ params }) => Array.from({ length: params.n }, (_, n) => ({ key: `n${n}`, input: { n } })),
        { onFailure },
      )
      .fanIn('sum', sum, () => ({}))
      .finalize(async ({ results }) => {
        if (finalFailures.left-- > 0) throw new Error('not now');
        return { sum: await results.sum.only() };
      });
  return { job, done, sums: () => sums };
}

const retry = { fromStart: false, correlationId: 'retry' };

test('a retry runs only what failed, in a run of its own', async () => {
  const broken = new Set([2]);
  const { job, done, sums } = fragile(broken);
  const b = bench([job('tiles', 'continue')]);
  const jobId = await b.submit('tiles', { n: 5 });
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed_with_errors');
  broken.clear();
  done.length = 0;
  const { job: second, queued } = await b.machine.retry(jobId, retry);
  assert.deepEqual([second.run, second.status, queued], [2, 'queued', true]);
  await b.drainAll();
  const ended = await b.store.getJob(jobId);
  assert.deepEqual([ended?.status, ended?.result?.sum], ['completed', 20]);
  assert.deepEqual(done, [2], 'the other four were taken over');
  assert.equal(sums(), 2, 'the fan-in sees another result and runs again');
  const names = (await b.store.listEvents(jobId, { run: 2, limit: 50 })).map(({ event }) => event);
  assert.deepEqual(names, ['job_rerun', 'stage_started', 'stage_completed', 'stage_started', 'job_completed']);
  for (const run of ['republish', 'leases', 'stages', 'timeouts', 'retention'] as const) {
    assert.equal((await b.machine.upkeep(run)).fixed, 0, run);
  }
});

test('a retry after one that was cancelled before it planned anything still runs only what failed', async () => {
  const broken = new Set([2]);
  const { job, done } = fragile(broken);
  const b = bench([job('tiles', 'continue')]);
  const jobId = await b.submit('tiles', { n: 10 });
  await b.drainAll();
  broken.clear();
  done.length = 0;
  await b.machine.retry(jobId, retry);
  await b.machine.cancel(jobId);
  await b.machine.retry(jobId, retry);
  await b.drainAll();
  assert.deepEqual(done, [2]);
  const ended = await b.store.getJob(jobId);
  assert.deepEqual([ended?.run, ended?.status, ended?.result?.sum], [3, 'completed', 90]);
});

test('from the start everything runs again', async () => {
  const { job, done } = fragile(new Set());
  const b = bench([job('tiles', 'fail')]);
  const jobId = await b.submit('tiles', { n: 3 });
  await b.drainAll();
  await assert.rejects(b.machine.retry(jobId, retry), { code: 'NOTHING_TO_RETRY' });
  await b.machine.retry(jobId, { ...retry, fromStart: true });
  await assert.rejects(b.machine.retry(jobId, retry), { code: 'JOB_ACTIVE' });
  await b.drainAll();
  assert.equal(done.length, 6);
  assert.equal((await b.store.getJob(jobId))?.run, 2);
});

test('a job whose result could not be built builds only that again', async () => {
  const { job, done, sums } = fragile(new Set());
  const b = bench([job('tiles', 'fail', { left: 1 })]);
  const jobId = await b.submit('tiles', { n: 3 });
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.error?.code, 'FINALIZE_FAILED');
  await b.machine.retry(jobId, retry);
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.result?.sum, 6);
  assert.equal(done.length, 3);
  assert.equal(sums(), 1);
});

test('with every message of a retry lost the reconciler alone finishes it', async () => {
  const broken = new Set([1]);
  const { job } = fragile(broken);
  const b = bench([job('tiles', 'fail')]);
  const jobId = await b.submit('tiles', { n: 4 });
  await b.drainAll();
  broken.clear();
  await b.machine.retry(jobId, retry);
  for (let round = 0; round < 30; round += 1) {
    while (b.queue.take());
    b.clock.advance(6 * 60_000);
    for (const run of ['republish', 'leases', 'stages'] as const) await b.machine.upkeep(run);
    await b.drain();
    if ((await b.store.getJob(jobId))?.status === 'completed') return;
  }
  assert.fail('the job did not complete');
});

test('a job no one has heard of is not retried', async () => {
  const b = bench([]);
  await assert.rejects(b.machine.retry('0'.repeat(64), retry), { code: 'JOB_NOT_FOUND' });
});

test('a job over its time limit fails with TIMEOUT, and its waiting tasks are cancelled', async () => {
  const { job } = fragile(new Set());
  const b = bench([job('tiles', 'fail')]);
  const jobId = await b.submit('tiles', { n: 3 });
  await b.drain().catch(() => {});
  const second = await b.submit('tiles', { n: 2 });
  const message = b.queue.take();
  assert.ok(message?.queue === 'jobs');
  await b.machine.handleJobMessage(message.message.body);
  while (b.queue.take());
  b.clock.advance(59 * 60_000);
  assert.equal((await b.machine.upkeep('timeouts')).fixed, 0);
  b.clock.advance(2 * 60_000);
  assert.deepEqual((await b.machine.upkeep('timeouts')).actions, [`failed job ${second}`]);
  assert.equal((await b.store.getJob(second))?.error?.code, 'TIMEOUT');
  const tasks = await b.store.listTasks(second, 1, { limit: 10 });
  assert.deepEqual(new Set(tasks.map(({ status }) => status)), new Set(['cancelled']));
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
});

for (const [policy, status] of [
  ['fail', 'failed'],
  ['continue', 'completed_with_errors'],
] as const) {
  test(`a task over its handler's limit that keeps its lease fails with TIMEOUT (${policy})`, async () => {
    const { job } = fragile(new Set());
    const b = bench([job('tiles', policy)]);
    const jobId = await b.submit('tiles', { n: 2 });
    const planning = b.queue.take();
    await b.machine.handleJobMessage(planning?.message.body);
    const ref = { jobId, run: 1, stage: 1, task: 0 };
    await b.store.claimTask(ref, { worker: 'hung', leaseMs: 3_600_000 });
    await b.drain();
    b.clock.advance(1800_000 + 30_000);
    assert.equal((await b.machine.upkeep('timeouts')).fixed, 0, 'its own timer comes first');
    b.clock.advance(60_000);
    assert.equal((await b.machine.upkeep('timeouts')).fixed, 1);
    await b.drainAll();
    assert.equal((await b.store.getJob(jobId))?.status, status);
    const events = await b.store.listEvents(jobId, { limit: 50 });
    assert.ok(events.some(({ event }) => event === 'task_failed'));
  });
}

class Death extends Error {}

for (const run of ['republish', 'leases'] as const) {
  test(`upkeep that dies with tasks marked as sent and not sent (${run}): found again, and the job completes`, async () => {
    let deaths = 0;
    const { job } = fragile(new Set());
    const b = bench([job('tiles', 'fail')], {
      instants: (name) => {
        if (name === 'tasks-taken' && deaths++ === 0) throw new Death();
      },
    });
    const jobId = await b.submit('tiles', { n: 1 });
    await b.machine.handleJobMessage(b.queue.take()?.message.body);
    b.queue.take();
    if (run === 'leases') await b.store.claimTask({ jobId, run: 1, stage: 1, task: 0 }, { worker: 'dies', leaseMs: 1 });
    b.clock.advance(6 * 60_000);
    await assert.rejects(b.machine.upkeep(run), Death);
    const survivor = new CoreMachine({ ...b.machine.engine });
    assert.deepEqual([b.queue.length, (await survivor.upkeep(run)).fixed], [0, 0], 'marked, and not sent');
    b.clock.advance(6 * 60_000);
    assert.equal((await survivor.upkeep(run)).fixed, 1);
    await b.drainAll();
    assert.equal((await b.store.getJob(jobId))?.status, 'completed');
  });
}

test('upkeep that dies with a task failed for its limit, its stage not closed: the job ends as it deserves', async () => {
  let deaths = 0;
  const { job } = fragile(new Set());
  const b = bench([job('tiles', 'fail')], {
    instants: (name) => {
      if (name === 'result-stored' && deaths++ === 0) throw new Death();
    },
  });
  const jobId = await b.submit('tiles', { n: 1 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  await b.store.claimTask({ jobId, run: 1, stage: 1, task: 0 }, { worker: 'hung', leaseMs: 3_600_000 });
  b.clock.advance(1900_000);
  await assert.rejects(b.machine.upkeep('timeouts'), Death);
  assert.equal((await b.store.getJob(jobId))?.status, 'processing');
  b.clock.advance(60_000);
  await b.machine.upkeep('stages');
  const { status, error } = (await b.store.getJob(jobId)) ?? {};
  assert.deepEqual([status, error?.code], ['failed', 'TIMEOUT']);
});

test('each run of upkeep leaves a row, also one that fails', async () => {
  const { job } = fragile(new Set());
  const b = bench([job('tiles', 'fail')]);
  await b.machine.upkeep('stages');
  const broken = bench([job('tiles', 'fail')], {
    store: Object.assign(b.store, {
      takeExpiredLeases: async () => {
        throw new CoreMachineError('DATABASE_UNAVAILABLE', 'gone');
      },
    }),
  });
  await assert.rejects(broken.machine.upkeep('leases'), { code: 'DATABASE_UNAVAILABLE' });
  const runs = await b.store.listUpkeepRuns({ limit: 5 });
  assert.deepEqual(
    runs.map(({ run, error }) => [run, error?.code ?? null]),
    [
      ['leases', 'DATABASE_UNAVAILABLE'],
      ['stages', null],
    ],
  );
});

test('ended jobs are removed when their time is over, and never without a setting', async () => {
  const { job } = fragile(new Set());
  for (const [retentionDays, left] of [
    [null, 1],
    [2, 0],
  ] as const) {
    const b = bench([job('tiles', 'fail')], { retentionDays });
    await b.submit('tiles', { n: 1 });
    await b.drainAll();
    b.clock.advance(24 * 3_600_000);
    await b.machine.upkeep('retention');
    assert.equal((await b.store.listJobs({ limit: 5 })).length, 1);
    b.clock.advance(2 * 24 * 3_600_000);
    assert.equal((await b.machine.upkeep('retention')).fixed, 0, 'removing is no repair');
    assert.equal((await b.store.listJobs({ limit: 5 })).length, left);
  }
});

test('retention removes what a run of a job that is gone left in blob storage', async () => {
  const blobs = new MemoryBlobStore();
  const scratch = temporaryBlobs({ container: 'scratch' });
  const { job } = fragile(new Set());
  const keeping = { ...job('tiles', 'fail'), temporary: scratch };
  const b = bench([keeping], { services: memoryEngine([keeping], { services: { blobs } }).services });
  const name = `${scratch.folder({ jobId: 'a'.repeat(64), run: 1 })}part.bin`;
  await blobs.upload({ container: 'scratch', name }, new Uint8Array([1]), { contentType: 'text/plain' });
  const { fixed, actions } = await b.machine.upkeep('retention');
  assert.deepEqual([fixed, actions.length], [1, 1]);
  assert.equal(await blobs.properties({ container: 'scratch', name }), null);
  assert.equal((await b.machine.upkeep('retention')).fixed, 0);
});

test('a long queue is no loss; an overtaken or forgotten message is', async () => {
  const { job } = fragile(new Set());
  const b = bench([job('tiles', 'fail')]);
  const jobId = await b.submit('tiles', { n: 3 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  while (b.queue.take());
  const ref = { jobId, run: 1, stage: 1 };
  await b.store.claimTask({ ...ref, task: 0 }, { worker: 'busy', leaseMs: 3_600_000 });
  b.clock.advance(10 * 60_000);
  assert.equal((await b.machine.upkeep('republish')).fixed, 0, 'the others wait for the one that works');
  await b.store.endAttempt({ ...ref, task: 0 }, 1, { status: 'completed', result: 0 });
  assert.equal((await b.machine.upkeep('republish')).fixed, 2, 'nobody works, and they wait');
});
