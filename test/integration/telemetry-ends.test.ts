import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import type { Engine } from '../../core/machine/engine.ts';
import { temporaryBlobs } from '../../core/temporary-blobs.ts';
import { memoryEngine } from '../../core/testing/run-job.ts';
import type { UpkeepRun } from '../../core/upkeep/index.ts';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';
import { openTelemetry } from '../../infrastructure/telemetry/telemetry.ts';
import { type OtlpCollector, startCollector } from '../tools/otlp-collector.ts';
import { type Bench, bench, numberHandler, sumJob } from '../unit/engine-tools.ts';

// What docs/telemetry.md says is counted when things go wrong, as a collector receives it.
let collector: OtlpCollector;
beforeEach(async () => {
  collector = await startCollector();
});
afterEach(() => collector.close());

type NumberHandler = ReturnType<typeof numberHandler>;

/** A bench whose job `sum_job` does its work by this handler, until `work` is over; then everything is sent. */
async function observed(
  handler: NumberHandler,
  work: (b: Bench) => Promise<unknown>,
  overrides: Partial<Engine> = {},
): Promise<void> {
  const telemetry = await openTelemetry({
    otlp: { endpoint: collector.url, headers: {} },
    azureMonitor: null,
    serviceName: 'under-test',
    instance: 'one',
    metricIntervalMs: 60_000,
    log: silentLog,
  });
  try {
    await work(bench([sumJob(handler)], { telemetry, ...overrides }));
  } finally {
    await telemetry.close(10_000);
  }
}

/** A job of n tasks, planned; its task messages are out of the queue. */
async function planned({ submit, machine, queue }: Bench, n: number) {
  const jobId = await submit('sum_job', { n });
  await machine.handleJobMessage(queue.take()?.message.body);
  const messages = Array.from({ length: n }, () => queue.take()?.message.body);
  return { jobId, task: (task: number) => ({ jobId, run: 1, stage: 1, task }), messages };
}

const tasks = (state: string) => collector.total('coremachine.tasks', { state });
const durations = (state: string) => collector.total('coremachine.task.duration', { state });
const claims = (outcome: string) => collector.total('coremachine.task.claim.duration', { outcome });
const completions = (outcome: string) => collector.total('coremachine.task.completion.duration', { outcome });
const fixes = (run: UpkeepRun) => collector.total('coremachine.upkeep.fixes', { run });

const double = numberHandler('double', (value) => value * 2);

test('a task that fails, and the refused claims of those that its job took with it', async () => {
  const failing = numberHandler('failing', () => {
    throw new CoreMachineError('CRS_MISSING', 'no CRS');
  });
  await observed(failing, async (b) => {
    await b.submit('sum_job', { n: 3 });
    await b.drainAll();
  });
  assert.deepEqual([tasks('failed'), durations('failed'), completions('failed'), claims('refused')], [1, 1, 1, 2]);
  assert.equal(tasks('cancelled'), 0, 'the others never started');
});

test('a task that is cancelled while it runs', async () => {
  let started = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const patient = numberHandler('patient', async (_value, _attempt, signal) => {
    started();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    throw signal.reason;
  });
  await observed(
    patient,
    async (b) => {
      const { jobId, messages } = await planned(b, 1);
      const work = b.machine.handleTaskMessage(messages[0]);
      await running;
      await b.machine.cancel(jobId);
      await work;
    },
    { leaseMs: 30 },
  );
  assert.deepEqual([tasks('cancelled'), durations('cancelled'), completions('cancelled')], [1, 1, 1]);
});

test('a worker whose task went to another one', async () => {
  let finish = () => {};
  const gate = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const waiting = numberHandler('waiting', async (value) => {
    await gate;
    return value;
  });
  await observed(waiting, async (b) => {
    const { task, messages } = await planned(b, 1);
    const work = b.machine.handleTaskMessage(messages[0]);
    b.clock.advance(60_000);
    assert.equal((await b.store.claimTask(task(0), { worker: 'other', leaseMs: 1000 })).kind, 'claimed');
    finish();
    await work;
  });
  assert.deepEqual([tasks('lost'), durations('lost'), completions('lost'), tasks('completed')], [1, 1, 1, 0]);
});

test('claims of what another one holds, and of what is not due', async () => {
  const failsOnce = numberHandler('fails_once', (value, attempt) => {
    if (attempt === 1) throw new CoreMachineError('STORAGE_UNAVAILABLE', 'away');
    return value;
  });
  await observed(failsOnce, async (b) => {
    const { task, messages } = await planned(b, 2);
    await b.store.claimTask(task(0), { worker: 'other', leaseMs: 1000 });
    for (const message of [messages[0], messages[1], messages[1]]) await b.machine.handleTaskMessage(message);
  });
  assert.deepEqual([claims('busy'), claims('claimed'), claims('early'), tasks('retrying')], [1, 1, 1, 1]);
});

test('a claim and an end that the database does not take', async () => {
  await observed(double, async (b) => {
    const { messages } = await planned(b, 1);
    const away = () => Promise.reject(new CoreMachineError('DATABASE_UNAVAILABLE', 'away'));
    const { claimTask, endAttempt } = b.store;
    b.store.claimTask = away;
    await assert.rejects(b.machine.handleTaskMessage(messages[0]), { code: 'DATABASE_UNAVAILABLE' });
    Object.assign(b.store, { claimTask, endAttempt: away });
    await assert.rejects(b.machine.handleTaskMessage(messages[0]), { code: 'DATABASE_UNAVAILABLE' });
    b.store.endAttempt = endAttempt;
  });
  assert.deepEqual([claims('error'), completions('error'), tasks('processing'), tasks('completed')], [1, 1, 1, 0]);
});

test('a task over its limit that upkeep fails: counted, logged, and a span of the worker that hung', async () => {
  await observed(double, async (b) => {
    const { jobId, task } = await planned(b, 1);
    await b.store.claimTask(task(0), { worker: 'hung', leaseMs: 24 * 3_600_000 });
    b.clock.advance(2 * 3_600_000);
    assert.equal((await b.machine.upkeep('timeouts')).fixed, 1);
    const told = b.events.find(({ event }) => event === 'Task:Failed')?.fields;
    assert.deepEqual(
      [told?.jobId, told?.attempt, told?.code, told?.durationMs, told?.worker],
      [jobId, 1, 'TIMEOUT', 2 * 3_600_000, 'hung'],
    );
  });
  assert.deepEqual([tasks('failed'), durations('failed'), completions('failed'), fixes('timeouts')], [1, 1, 1, 1]);
  assert.equal(collector.total('coremachine.tasks', { state: 'failed', job_type: 'sum_job', task_type: 'double' }), 1);
  assert.equal(collector.sum('coremachine.task.duration', { state: 'failed' }), 7200);
  const [span] = collector.spans.filter(({ name }) => name === 'task double');
  assert.deepEqual(
    [span?.failed, span?.attributes['error.type'], span?.attributes.worker, span?.attributes.attempt],
    [true, 'TIMEOUT', 'hung', 1],
  );
  const [stage] = collector.spans.filter(({ name }) => name === 'stage work');
  assert.equal(span?.parentSpanId, stage?.spanId);
  assert.equal(Number(span?.endMs) - Number(span?.startMs), 2 * 3_600_000);
});

test('upkeep of leases: what is sent again and what is cancelled, the latter also as a task', async () => {
  await observed(double, async (b) => {
    const lost = await planned(b, 1);
    await b.store.claimTask(lost.task(0), { worker: 'dies', leaseMs: 1000 });
    const orphan = await planned(b, 2);
    await b.store.claimTask(orphan.task(1), { worker: 'dies', leaseMs: 1000 });
    await b.machine.cancel(orphan.jobId);
    b.clock.advance(2000);
    assert.equal((await b.machine.upkeep('leases')).fixed, 2);
  });
  assert.deepEqual([fixes('leases'), tasks('cancelled'), durations('cancelled')], [2, 1, 1]);
});

test('upkeep of stages and of limits, and what retention removes', async () => {
  const blobs = new MemoryBlobStore();
  const scratch = temporaryBlobs({ container: 'scratch' });
  const name = `${scratch.folder({ jobId: 'a'.repeat(64), run: 1 })}part.bin`;
  await blobs.upload({ container: 'scratch', name }, new Uint8Array([1]), { contentType: 'text/plain' });
  const keeping = { ...sumJob(double), temporary: scratch };
  const { registry, services } = memoryEngine([keeping], { services: { blobs } });
  let dies = true;
  const instants: Engine['instants'] = (instant) => {
    if (dies && instant === 'result-stored') throw new Error('dies');
  };
  await observed(
    double,
    async (b) => {
      const { messages } = await planned(b, 1);
      await assert.rejects(b.machine.handleTaskMessage(messages[0]), /dies/);
      dies = false;
      assert.equal((await b.machine.upkeep('retention')).fixed, 1);
      b.clock.advance(60_000);
      assert.equal((await b.machine.upkeep('stages')).fixed, 1);
      b.clock.advance(1000 * 3_600_000);
      assert.equal((await b.machine.upkeep('timeouts')).fixed, 1);
    },
    { registry, services, instants },
  );
  assert.deepEqual([fixes('stages'), fixes('timeouts'), fixes('retention')], [1, 1, 1]);
  assert.equal(collector.total('coremachine.jobs', { state: 'failed' }), 1);
});
