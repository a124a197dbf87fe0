import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { runIds } from '../../infrastructure/telemetry/span-ids.ts';
import { startCollector } from '../tools/otlp-collector.ts';
import { eventually } from '../tools/poll.ts';
import { testStack } from '../tools/stack.ts';

const collector = await startCollector();
after(() => collector.close());

const running = testStack({
  env: {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=a%20key',
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_SERVICE_NAME: 'stack-under-test',
  },
});

const callersTrace = '1234567890abcdef1234567890abcdef';

test('on the embedded stack one trace goes from the HTTP request to the last handler', async () => {
  const { stack, client } = running();
  const answer = await fetch(`${stack.url}/api/jobs/submit/hello_world_sequential`, {
    method: 'POST',
    headers: {
      'x-functions-key': stack.functionKey,
      'content-type': 'application/json',
      traceparent: `00-${callersTrace}-1234567890abcdef-01`,
    },
    body: JSON.stringify({ n: 3 }),
  });
  const { job_id: jobId } = (await answer.json()) as { job_id: string };
  assert.equal((await client.follow(jobId, () => {})).status, 'completed');
  const { traceId, spanId } = runIds({ jobId, run: 1 });
  const inTrace = () => collector.spans.filter((span) => span.traceId === traceId);
  const spans = await eventually(() => inTrace().length >= 12 && inTrace(), { timeoutMs: 20_000 });
  const below = (parent: string | null) =>
    spans
      .filter((span) => span.parentSpanId === parent)
      .map(({ name }) => name)
      .sort();
  assert.deepEqual(below(null), ['job hello_world_sequential']);
  assert.deepEqual(below(spanId), [
    'POST jobs/submit/{job_type}',
    'stage initial_hello',
    'stage response',
    'stage validation',
  ]);
  const tasksOf = (stage: string) => below(spans.find(({ name }) => name === `stage ${stage}`)?.spanId ?? '');
  assert.deepEqual(
    [tasksOf('initial_hello').length, tasksOf('validation').length, tasksOf('response').length],
    [3, 1, 3],
  );
  assert.equal(spans.length, 12);
  const request = spans.find(({ name }) => name.startsWith('POST'));
  assert.deepEqual(request?.linkedTraces, [callersTrace]);
  assert.equal(request?.attributes['http.response.status_code'], 200);
  for (const span of spans) assert.deepEqual([span.failed, span.resource['service.name']], [false, 'stack-under-test']);
});

test('its metrics count the tasks, and say how old messages were when they came', async () => {
  await eventually(() => collector.total('coremachine.jobs', { state: 'completed' }) === 1);
  const tasks = (state: string) => collector.total('coremachine.tasks', { job_type: 'hello_world_sequential', state });
  await eventually(() => tasks('completed') === 7);
  assert.deepEqual(['queued', 'processing', 'retrying', 'failed'].map(tasks), [7, 7, 0, 0]);
  await eventually(() => collector.total('coremachine.queue.age', { queue: 'tasks' }) >= 7);
  assert.ok(collector.total('coremachine.queue.age', { queue: 'jobs' }) >= 3);
  // Messages of an idle stack are taken at once; an age in other units, or of another instant, would not be this small.
  assert.ok(collector.sum('coremachine.queue.age') < 60);
});

test('a refused request is a trace of its own; requests that read, and keys, are in no span', async () => {
  const { stack, client } = running();
  await assert.rejects(client.submit('no_such_type', {}));
  const refused = await eventually(
    () => collector.spans.find((span) => span.attributes['http.response.status_code'] === 400),
    { timeoutMs: 20_000 },
  );
  assert.equal(refused.parentSpanId, null);
  assert.equal(collector.spans.filter(({ name }) => name.startsWith('GET')).length, 0);
  assert.equal(JSON.stringify(collector.spans).includes(stack.functionKey), false);
  for (const { headers } of collector.requests) assert.equal(headers['x-api-key'], 'a key');
});

test('a host that is stopped sends what it has before it ends', async () => {
  const { stack, client } = running();
  const jobId = String((await client.submit('hello_world', { n: 2, message: 'last' })).job_id);
  await client.follow(jobId, () => {});
  await stack.host.stop();
  const { traceId } = runIds({ jobId, run: 1 });
  // Request, job, two stages, four tasks.
  assert.equal(collector.spans.filter((span) => span.traceId === traceId).length, 8);
  assert.equal(collector.total('coremachine.jobs', { state: 'completed' }), 2);
});
