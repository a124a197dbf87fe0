import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { after, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { CoreMachineError } from '../../core/errors.ts';
import { CoreMachine } from '../../core/machine/core-machine.ts';
import type { Telemetry } from '../../core/ports/telemetry.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { createLog } from '../../infrastructure/log/log.ts';
import {
  openTelemetry,
  type RunningTelemetry,
  type TelemetryTargets,
} from '../../infrastructure/telemetry/telemetry.ts';
import { type OtlpCollector, startCollector } from '../tools/otlp-collector.ts';
import { bench, numberHandler, sumJob } from '../unit/engine-tools.ts';

let collector: OtlpCollector;
const collectors: OtlpCollector[] = [];
const lines: string[] = [];

beforeEach(async () => {
  collector = await startCollector();
  collectors.push(collector);
  lines.length = 0;
});

after(() => Promise.all(collectors.map((one) => one.close())));

function open(targets: Partial<TelemetryTargets> = {}, instance = 'one'): Promise<RunningTelemetry> {
  return openTelemetry({
    otlp: { endpoint: collector.url, headers: { 'x-api-key': 'k' } },
    azureMonitor: null,
    ...targets,
    serviceName: 'under-test',
    instance,
    metricIntervalMs: 60_000,
    log: createLog({ format: 'json', write: (line) => lines.push(line) }),
  });
}

/** Runs `work` with telemetry to the collector, and sends everything. */
async function observed(work: (telemetry: Telemetry) => Promise<unknown>): Promise<void> {
  const telemetry = await open();
  try {
    await work(telemetry);
  } finally {
    await telemetry.close(10_000);
  }
}

const double = numberHandler('double', (value) => value * 2);

const failsOnce = numberHandler('fails_once', (value, attempt) => {
  if (attempt === 1) throw new CoreMachineError('SIMULATED_FAILURE', 'once; AccountKey=SECRET;');
  return value;
});

function named(name: string) {
  return collector.spans.filter((span) => span.name === name);
}

test('one trace: the job, below it its stages, below each its tasks; ids follow from job id and run alone', async () => {
  let jobId = '';
  await observed(async (telemetry) => {
    jobId = (await runJob(sumJob(double), { n: 3 }, { telemetry })).job.jobId;
  });
  const traceId = createHash('sha256').update(`${jobId}:1`).digest('hex').slice(0, 32);
  assert.deepEqual(new Set(collector.spans.map((span) => span.traceId)), new Set([traceId]));
  assert.equal(collector.spans.length, 7);
  assert.equal(new Set(collector.spans.map((span) => span.spanId)).size, 7);
  const [job] = named('job sum_job');
  assert.ok(job);
  assert.equal(job.parentSpanId, null);
  assert.equal(job.spanId, createHash('sha256').update(`${jobId}:1`).digest('hex').slice(32, 48));
  assert.deepEqual([job.attributes.job_id, job.attributes.state, job.failed], [jobId, 'completed', false]);
  const [work, sum] = [named('stage work')[0], named('stage sum')[0]];
  assert.deepEqual([work?.parentSpanId, sum?.parentSpanId], [job.spanId, job.spanId]);
  assert.deepEqual(
    named('task double').map((span) => span.parentSpanId),
    [work?.spanId, work?.spanId, work?.spanId],
  );
  assert.deepEqual(
    named('task sum').map((span) => span.parentSpanId),
    [sum?.spanId],
  );
  assert.deepEqual(job.resource['service.name'], 'under-test');
  for (const span of collector.spans) assert.ok(span.endMs >= span.startMs && span.endMs <= job.endMs, span.name);
});

test('processes that share nothing but store and queue write one trace', async () => {
  const [one, two] = [await open({}, 'one'), await open({}, 'two')];
  const { machine, submit, queue, drainAll } = bench([sumJob(double)], { telemetry: one });
  const other = new CoreMachine({ ...machine.engine, telemetry: two });
  await submit('sum_job', { n: 2 });
  await machine.handleJobMessage(queue.take()?.message.body);
  await other.handleTaskMessage(queue.take()?.message.body);
  await drainAll();
  await Promise.all([one.close(10_000), two.close(10_000)]);
  const writers = named('task double').map((span) => span.resource['service.instance.id']);
  assert.deepEqual(writers.sort(), ['one', 'two']);
  assert.equal(new Set(collector.spans.map((span) => span.traceId)).size, 1);
  assert.deepEqual(
    new Set(named('task double').map((span) => span.parentSpanId)),
    new Set([named('stage work')[0]?.spanId]),
  );
  assert.equal(collector.total('coremachine.tasks', { task_type: 'double', state: 'completed' }), 2);
});

test('counters and histograms have the values of what happened, and no label is an id', async () => {
  let jobId = '';
  await observed(async (telemetry) => {
    jobId = (await runJob(sumJob(failsOnce), { n: 3 }, { telemetry })).job.jobId;
  });
  const work = { job_type: 'sum_job', task_type: 'fails_once' };
  const tasks = (state: string) => collector.total('coremachine.tasks', { ...work, state });
  assert.deepEqual(['queued', 'processing', 'retrying', 'completed', 'failed'].map(tasks), [3, 6, 3, 3, 0]);
  assert.equal(collector.total('coremachine.tasks', { task_type: 'sum', state: 'completed' }), 1);
  assert.equal(collector.total('coremachine.task.retries', { ...work, code: 'SIMULATED_FAILURE' }), 3);
  assert.equal(collector.total('coremachine.jobs', { state: 'queued' }), 1);
  assert.equal(collector.total('coremachine.jobs', { state: 'completed', job_type: 'sum_job' }), 1);
  assert.equal(collector.total('coremachine.task.duration', work), 6);
  assert.equal(collector.total('coremachine.task.claim.duration', { outcome: 'claimed' }), 7);
  assert.equal(collector.total('coremachine.task.completion.duration', { outcome: 'retrying' }), 3);
  assert.equal(collector.total('coremachine.task.completion.duration', { outcome: 'completed' }), 4);
  for (const [label, value] of collector.labels()) {
    assert.ok(['state', 'outcome', 'job_type', 'task_type', 'code'].includes(label), label);
    assert.ok(!String(value).includes(jobId.slice(0, 16)), String(value));
  }
});

test('a retry is two spans of one stage: the first has failed with its code and no secret, the second not', async () => {
  await observed((telemetry) => runJob(sumJob(failsOnce), { n: 1 }, { telemetry }));
  const [first, second] = named('task fails_once').sort((a, b) => a.startMs - b.startMs);
  assert.ok(first && second);
  assert.deepEqual([first.failed, second.failed], [true, false]);
  assert.deepEqual([first.attributes.attempt, second.attributes.attempt], [1, 2]);
  assert.equal(first.attributes['error.type'], 'SIMULATED_FAILURE');
  assert.equal(first.parentSpanId, second.parentSpanId);
  assert.notEqual(first.spanId, second.spanId);
  assert.doesNotMatch(JSON.stringify(collector.spans), /SECRET/);
});

test('a job that fails ends its span and that of its stage with the error; its next run is another trace', async () => {
  const never = numberHandler('never', () => {
    throw new CoreMachineError('RASTER_UNSUPPORTED', 'never');
  });
  await observed(async (telemetry) => {
    const { machine, submit, drainAll } = bench([sumJob(never)], { telemetry });
    const jobId = await submit('sum_job', { n: 1 });
    await drainAll();
    assert.equal(await submit('sum_job', { n: 1 }), jobId);
    await machine.cancel(jobId);
  });
  const [failed, cancelled] = named('job sum_job');
  assert.ok(failed && cancelled);
  assert.deepEqual([failed.attributes.state, cancelled.attributes.state], ['failed', 'cancelled']);
  assert.deepEqual([failed.failed, failed.attributes['error.type']], [true, 'RASTER_UNSUPPORTED']);
  assert.notEqual(failed.traceId, cancelled.traceId);
  assert.deepEqual(
    named('stage work').map((span) => [span.traceId, span.failed]),
    [[failed.traceId, true]],
  );
  assert.equal(collector.total('coremachine.jobs', { state: 'failed' }), 1);
  assert.equal(collector.total('coremachine.jobs', { state: 'cancelled' }), 1);
});

test('upkeep counts what it mended, by run', async () => {
  await observed(async (telemetry) => {
    const { machine, submit, drain, clock, queue } = bench([sumJob(double)], { telemetry });
    await submit('sum_job', { n: 2 });
    await drain();
    await submit('sum_job', { n: 3 });
    while (queue.take()) {}
    clock.advance(10 * 60_000);
    await machine.upkeep('republish');
    await machine.upkeep('stages');
  });
  assert.equal(collector.total('coremachine.upkeep.fixes', { run: 'republish' }), 1);
  assert.equal(collector.total('coremachine.upkeep.fixes', { run: 'stages' }), 0);
});

test('a request is in its job’s trace, below the job, and links to the caller’s own', async () => {
  const caller = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
  const span = { name: 'POST x', startedAt: Date.now(), endedAt: Date.now(), attributes: {}, error: null };
  await observed(async (telemetry) => {
    const job = { jobId: 'f'.repeat(64), run: 2 };
    telemetry.span({ of: { kind: 'job', ...job }, ...span, name: 'job' });
    telemetry.span({ of: { kind: 'request', job }, ...span, caller: `00-${caller.traceId}-${caller.spanId}-01` });
    telemetry.span({ of: { kind: 'request', job: null }, ...span, name: 'POST y', caller: 'nonsense' });
  });
  const [job, request, alone] = [named('job')[0], named('POST x')[0], named('POST y')[0]];
  assert.deepEqual([request?.traceId, request?.parentSpanId], [job?.traceId, job?.spanId]);
  assert.deepEqual(request?.linkedTraces, [caller.traceId]);
  assert.notEqual(alone?.traceId, job?.traceId);
  assert.deepEqual([alone?.parentSpanId, alone?.linkedTraces], [null, []]);
});

test('the collector is sent the configured headers', async () => {
  await observed((telemetry) => runJob(sumJob(double), { n: 1 }, { telemetry }));
  assert.deepEqual(new Set(collector.requests.map(({ path }) => path)), new Set(['/v1/traces', '/v1/metrics']));
  for (const { headers } of collector.requests) assert.equal(headers['x-api-key'], 'k');
});

test('a dead collector: the job completes, closing keeps its limit, one warning says so', async () => {
  const telemetry = await open({ otlp: { endpoint: `http://127.0.0.1:${await closedPort()}`, headers: {} } });
  const { job } = await runJob(sumJob(double), { n: 20 }, { telemetry });
  assert.equal(job.status, 'completed');
  const started = performance.now();
  await telemetry.close(20_000);
  assert.ok(performance.now() - started < 21_000);
  const warnings = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    warnings.map(({ event, component }) => [event, component]),
    [['System:Warning', 'telemetry']],
  );
});

test('a collector that takes the connection and never answers holds closing for the limit only', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  assert.ok(address !== null && typeof address === 'object');
  try {
    const telemetry = await open({ otlp: { endpoint: `http://127.0.0.1:${address.port}`, headers: {} } });
    await runJob(sumJob(double), { n: 1 }, { telemetry });
    const started = performance.now();
    await telemetry.close(300);
    assert.ok(performance.now() - started < 2000);
  } finally {
    silent.close();
  }
});

test('not configured: nothing is sent and no package of telemetry is loaded', async () => {
  const telemetry = await open({ otlp: null });
  assert.equal(telemetry.enabled, false);
  await runJob(sumJob(double), { n: 1 }, { telemetry });
  await telemetry.close(1000);
  assert.equal(collector.requests.length, 0);
  assert.deepEqual(await packagesLoadedBy(null), []);
  const loaded = await packagesLoadedBy(collector.url);
  assert.ok(loaded.includes('@opentelemetry/sdk-metrics'));
  assert.equal(loaded.includes('@azure/monitor-opentelemetry-exporter'), false);
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Names of telemetry packages that a process imports when it opens telemetry to this endpoint. */
async function packagesLoadedBy(endpoint: string | null): Promise<string[]> {
  const program = `
    import { registerHooks } from 'node:module';
    const seen = new Set();
    registerHooks({ resolve(name, context, next) { seen.add(name); return next(name, context); } });
    const { openTelemetry } = await import(${JSON.stringify(new URL('../../infrastructure/telemetry/telemetry.ts', import.meta.url).href)});
    const otlp = ${JSON.stringify(endpoint && { endpoint, headers: {} })};
    const log = { info() {}, warn() {}, error() {}, with: () => log };
    const telemetry = await openTelemetry({ otlp, azureMonitor: null, serviceName: 's', instance: 'i', metricIntervalMs: 60_000, log });
    await telemetry.close(2000);
    console.log(JSON.stringify([...seen].filter((name) => /opentelemetry\\//.test(name) || /monitor/.test(name))));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  return JSON.parse(stdout) as string[];
}
