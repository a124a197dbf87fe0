import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { routes } from '../../src/http/routes/index.ts';
import { eventually } from '../tools/poll.ts';
import { testStack } from '../tools/stack.ts';

const running = testStack();

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JsonObject;
}

async function call(
  method: string,
  path: string,
  options: { body?: string | Uint8Array; headers?: Record<string, string>; key?: boolean } = {},
): Promise<Answer> {
  const answer = await fetch(`${running().stack.url}/api/${path}`, {
    method,
    headers: { ...(options.key !== false && { 'x-functions-key': running().stack.functionKey }), ...options.headers },
    ...(options.body !== undefined && { body: options.body }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text ? (JSON.parse(text) as JsonObject) : {} };
}

const json = { 'content-type': 'application/json' };
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const post = (path: string, body: unknown) => call('POST', path, { body: JSON.stringify(body), headers: json });

test('submit answers with the stored job; the same again is the same job', async () => {
  const first = await post('jobs/submit/hello_world', { n: 2, message: 'Grüße "aus" Köln' });
  assert.equal(first.status, 200);
  assert.equal(first.headers.get('x-request-id'), first.body.request_id);
  assert.deepEqual(Object.keys(first.body).slice(0, 8), [
    'job_id',
    'status',
    'job_type',
    'message',
    'parameters',
    'queue_info',
    'idempotent',
    'run',
  ]);
  assert.deepEqual(first.body.parameters, { n: 2, message: 'Grüße "aus" Köln', failure_rate: 0 });
  const { message_id, ...queue } = first.body.queue_info as JsonObject;
  const { job_id } = first.body;
  assert.deepEqual(queue, { queued: true, queue_type: 'service_bus', queue_name: 'geospatial-jobs', job_id });
  assert.ok(typeof message_id === 'string' && message_id.includes(String(job_id)), String(message_id));
  assert.deepEqual(
    [first.body.status, first.body.job_type, first.body.idempotent, first.body.run],
    ['created', 'hello_world', false, 1],
  );
  const job = await running().client.follow(String(first.body.job_id), () => {});
  assert.equal(job.status, 'completed');
  const again = await post('jobs/hello_world', { message: 'Grüße "aus" Köln', n: 2 });
  assert.deepEqual(
    [again.body.status, again.body.idempotent, again.body.job_id],
    ['already_completed', true, first.body.job_id],
  );
  assert.deepEqual(again.body.result_data, job.result_data);
  const forced = await post('jobs/submit/hello_world?force=true', { message: 'Grüße "aus" Köln', n: 2 });
  assert.deepEqual([forced.body.status, forced.body.run], ['created', 2]);
});

test('a job type is known by the names that older clients have for it', async () => {
  for (const [alias, jobType] of [
    ['process_vector', 'ingest_vector'],
    ['tile_raster', 'process_large_raster'],
    ['list_container', 'list_container_contents'],
    ['sync_container', 'stac_catalog_container'],
    ['catalog_file', 'stac_catalog_raster'],
  ] as const) {
    const { status, body } = await post(`jobs/submit/${alias}`, { no_such_parameter: 1 });
    assert.deepEqual([status, body.error], [400, 'INVALID_PARAMETERS'], alias);
    assert.match(String(body.message), new RegExp(`parameters of ${jobType}$`));
    const missing = {
      container_name: 'nosuchcontainer',
      ...(!jobType.includes('container') && { blob_name: 'a.tif' }),
    };
    const more = jobType === 'ingest_vector' ? { file_extension: 'csv' } : {};
    const absent = await post(`jobs/${alias}`, { ...missing, ...more });
    assert.deepEqual([absent.status, absent.body.error], [404, 'CONTAINER_NOT_FOUND'], alias);
  }
});

test('fifty submissions at once make one job', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => post('jobs/submit/hello_world', { message: 'at once' })),
  );
  assert.equal(new Set(answers.map(({ body }) => body.job_id)).size, 1);
  assert.equal(answers.filter(({ body }) => body.status === 'created').length, 1);
  assert.ok(answers.every(({ status }) => status === 200));
});

test('status shows stages, progress, history and the result; db/jobs shows the row', async () => {
  const { job_id } = await running().client.submit('hello_world_sequential', { n: 3 });
  const job = await running().client.follow(String(job_id), () => {});
  assert.equal(job.progress, 1);
  const stages = job.stages as unknown as JsonObject[];
  assert.deepEqual(
    stages.map(({ name, completed }) => [name, completed]),
    [
      ['initial_hello', 3],
      ['validation', 1],
      ['response', 3],
    ],
  );
  assert.deepEqual(
    stages.map(({ parallelism }) => parallelism),
    ['single', 'fan_out', 'fan_out'],
  );
  assert.equal((job.stage_history as JsonObject[]).length, 3);
  const result = job.result_data as JsonObject;
  assert.equal(Object.keys(result)[0], 'job_type');
  assert.deepEqual(Object.keys(result).slice(-3), ['stages_completed', 'total_tasks_executed', 'tasks_by_status']);
  const row = await call('GET', `db/jobs/${job_id}`);
  assert.equal(row.status, 200);
  assert.equal(row.body.job_id, job_id);
  assert.deepEqual(row.body.result_data, result);
});

test('lists page by cursor and hold every row once', async () => {
  const posted: string[] = [];
  for (let n = 1; n <= 5; n += 1) {
    const { job_id } = await running().client.submit('hello_world', { n, message: 'for the list' });
    posted.push(String(job_id));
  }
  const seen: string[] = [];
  let cursor = '';
  do {
    const { body } = await call('GET', `jobs?limit=2${cursor && `&cursor=${cursor}`}`);
    seen.push(...(body.jobs as JsonObject[]).map(({ job_id }) => String(job_id)));
    cursor = String(body.next_cursor ?? '');
  } while (cursor);
  assert.equal(new Set(seen).size, seen.length);
  assert.deepEqual(
    seen.filter((id) => posted.includes(id)),
    posted.toReversed(),
  );
  const blobs = openBlobStore({ connection: String(running().stack.settings.STORAGE_CONNECTION) });
  await blobs.upload({ container: 'listed', name: 'a.txt' }, Buffer.from('a'), { contentType: 'text/plain' });
  const listed = await running().client.submit('list_container', { container_name: 'listed' });
  const byAlias = (await call('GET', 'jobs?job_type=list_container')).body.jobs as JsonObject[];
  assert.deepEqual(
    byAlias.map(({ job_id, job_type }) => [job_id, job_type]),
    [[listed.job_id, 'list_container_contents']],
  );
  const { body } = await call('GET', 'jobs?job_type=no_such_type');
  assert.deepEqual(body.jobs, []);
  const { job_id } = await running().client.submit('hello_world', { n: 7 });
  await running().client.follow(String(job_id), () => {});
  const first = await call('GET', `jobs/${job_id}/tasks?limit=10`);
  const second = await call('GET', `jobs/${job_id}/tasks?limit=10&cursor=${first.body.next_cursor}`);
  const tasks = [...(first.body.tasks as JsonObject[]), ...(second.body.tasks as JsonObject[])];
  assert.equal(tasks.length, 14);
  assert.ok(tasks.every(({ status, attempt }) => status === 'completed' && attempt === 1));
});

test('jobs are listed by state and by time, tasks by state and stage; a job at work is neither forced nor retried', async () => {
  const old = await running().client.submit('hello_world', { n: 1, message: 'long ago' });
  const { created_at } = await running().client.follow(String(old.job_id), () => {});
  // It fails at once and waits for its next attempt.
  const parameters = { n: 2, message: 'waits', failure_rate: 1 };
  const { job_id } = (await post('jobs/submit/hello_world', parameters)).body;
  const tasksOf = async (query: string) =>
    (await call('GET', `jobs/${job_id}/tasks?${query}`)).body.tasks as JsonObject[];
  await eventually(async () => (await tasksOf('status=retrying')).length === 2);
  const listed = async (query: string) =>
    ((await call('GET', `jobs?limit=1000&${query}`)).body.jobs as JsonObject[]).map((job) => job.job_id);
  const both = [job_id, old.job_id];
  const ours = async (query: string) => (await listed(query)).filter((id) => both.includes(id));
  assert.deepEqual(await ours(''), both);
  assert.deepEqual([await ours('status=processing'), await ours('status=completed')], [[job_id], [old.job_id]]);
  assert.deepEqual(await ours(`since=${created_at}`), both);
  const after = new Date(Date.parse(String(created_at)) + 1).toISOString();
  assert.deepEqual(await ours(`since=${after}`), [job_id]);
  const elsewhere = encodeURIComponent(after.replace('Z', '+00:00'));
  assert.deepEqual(await ours(`since=${elsewhere}&status=completed`), []);
  assert.deepEqual([(await tasksOf('stage=1')).length, await tasksOf('stage=2')], [2, []]);
  assert.deepEqual(await tasksOf('status=completed'), []);
  const finished = (await call('GET', `jobs/${old.job_id}/tasks?stage=2&status=completed`)).body.tasks as JsonObject[];
  assert.deepEqual(
    finished.map(({ stage }) => stage),
    [2],
  );
  for (const query of [
    'jobs?status=busy',
    'jobs?since=yesterday',
    `jobs/${job_id}/tasks?status=busy`,
    `jobs/${job_id}/tasks?stage=0`,
  ]) {
    const { status, body } = await call('GET', query);
    assert.deepEqual([status, body.error], [400, 'INVALID_PARAMETERS'], query);
  }
  for (const answer of [
    await post('jobs/submit/hello_world?force=true', parameters),
    await call('POST', `jobs/${job_id}/retry`),
    await call('POST', `jobs/${job_id}/retry?from=start`),
  ]) {
    assert.deepEqual([answer.status, answer.body.error], [409, 'JOB_ACTIVE']);
  }
  assert.equal((await call('POST', `jobs/${job_id}/cancel`)).status, 200);
  assert.deepEqual(await ours('status=cancelled'), [job_id]);
});

test('errors: each has its status, code, request id and what to do', async () => {
  const cases: [string, Promise<Answer>, number, string][] = [
    ['unknown type', post('jobs/submit/nothing', {}), 400, 'UNKNOWN_JOB_TYPE'],
    ['bad JSON', call('POST', 'jobs/submit/hello_world', { body: '{"n":', headers: json }), 400, 'BAD_JSON'],
    ['no object', post('jobs/submit/hello_world', [1]), 400, 'BAD_JSON'],
    [
      'wrong media type',
      call('POST', 'jobs/submit/hello_world', { body: 'n=1', headers: { 'content-type': 'text/plain' } }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'not UTF-8',
      call('POST', 'jobs/submit/hello_world', { body: new Uint8Array([0x22, 0xff, 0x22]), headers: json }),
      400,
      'BAD_JSON',
    ],
    ['parameters', post('jobs/submit/hello_world', { n: 'x', speed: 1 }), 400, 'INVALID_PARAMETERS'],
    ['NUL', post('jobs/submit/hello_world', { message: 'a\0b' }), 400, 'INVALID_PARAMETERS'],
    ['5 MB', post('jobs/submit/hello_world', { message: 'x'.repeat(5_000_000) }), 413, 'BODY_TOO_LARGE'],
    ['nested', call('POST', 'jobs/submit/hello_world', { body: nested(50_000), headers: json }), 400, 'BAD_JSON'],
    ['half a pair', post('jobs/submit/hello_world', { message: 'a\ud800b' }), 400, 'INVALID_PARAMETERS'],
    ['over 1 MiB', post('jobs/submit/hello_world', { message: 'x'.repeat(1_100_000) }), 400, 'PARAMETERS_TOO_LARGE'],
    ['bad id', call('GET', 'jobs/status/xyz'), 400, 'INVALID_ID'],
    ['unknown id', call('GET', `jobs/status/${'0'.repeat(64)}`), 404, 'JOB_NOT_FOUND'],
    ['unknown row', call('GET', `db/jobs/${'0'.repeat(64)}`), 404, 'JOB_NOT_FOUND'],
    ['bad limit', call('GET', 'jobs?limit=0'), 400, 'INVALID_PARAMETERS'],
    ['bad cursor', call('GET', 'jobs?cursor=xx'), 400, 'INVALID_PARAMETERS'],
    ['a run over 32 bits', call('GET', `jobs/${'0'.repeat(64)}/events?run=99999999999`), 400, 'INVALID_PARAMETERS'],
    ...['{"created_at":"-271821-04-20T00:00:00Z","job_id":"x"}', '{"created_at":"2026-01-01","job_id":"\\u0000"}'].map(
      (key): [string, Promise<Answer>, number, string] => {
        const cursor = Buffer.from(key).toString('base64url');
        return [`cursor ${key}`, call('GET', `jobs?cursor=${cursor}`), 400, 'INVALID_PARAMETERS'];
      },
    ),
    ['unknown query parameter', call('GET', 'jobs?colour=red'), 400, 'INVALID_PARAMETERS'],
    [
      'missing container',
      post('jobs/submit/process_raster', { container_name: 'no-such', blob_name: 'a.tif' }),
      404,
      'CONTAINER_NOT_FOUND',
    ],
  ];
  for (const [what, answer, status, code] of cases) {
    const { status: got, body } = await answer;
    assert.deepEqual([got, body.error], [status, code], what);
    assert.ok(body.request_id && body.timestamp && body.message, what);
  }
});

test('HEAD is answered as GET is, without the body', async () => {
  const head = await call('HEAD', 'health/live');
  assert.deepEqual([head.status, head.body], [200, {}]);
  assert.equal((await call('HEAD', `jobs/status/${'0'.repeat(64)}`)).status, 404);
});

test('a job id in capitals is the same id', async () => {
  const { job_id } = await running().client.submit('hello_world', { n: 1, message: 'capitals' });
  const { status, body } = await call('GET', `jobs/status/${String(job_id).toUpperCase()}`);
  assert.deepEqual([status, body.job_id], [200, job_id]);
});

test('the details of one answer name all problems', async () => {
  const { body } = await post('jobs/submit/hello_world', { n: 0, message: 7, speed: 1 });
  assert.deepEqual((body.details as JsonObject[]).map(({ path }) => path).sort(), ['message', 'n', 'speed']);
});

test('a key is needed for everything but health/live', async () => {
  for (const route of routes) {
    const path = route.path.replace('{job_id}', '0'.repeat(64)).replace('{job_type}', 'hello_world');
    const { status, headers, body } = await call(route.method, path, { key: false });
    assert.equal(status, route.auth === 'anonymous' ? 200 : 401, route.name);
    // By the host, before any of our code, as in Azure.
    if (status === 401) assert.deepEqual([body, headers.get('x-request-id')], [{}, null]);
  }
});

test('health names every component with its version, quickly', async () => {
  const started = performance.now();
  const { status, body } = await call('GET', 'health');
  assert.ok(performance.now() - started < 2000);
  assert.equal(status, 200, JSON.stringify(body));
  const components = body.components as Record<string, JsonObject>;
  assert.deepEqual(Object.keys(components).sort(), ['blob', 'database', 'gdal', 'pgstac', 'service_bus']);
  assert.match(String(components.gdal?.version), /^\d+\.\d+/);
  assert.equal((await call('GET', 'health/ready')).status, 200);
});

test('job types and OpenAPI are made from the same schemas', async () => {
  const { body } = await call('GET', 'jobs/types');
  const types = body.job_types as JsonObject[];
  assert.ok(types.some(({ job_type }) => job_type === 'process_raster'));
  const hello = types.find(({ job_type }) => job_type === 'hello_world');
  const { body: openapi, headers } = await call('GET', 'openapi.json');
  assert.equal(openapi.openapi, '3.1.0');
  assert.deepEqual(Object.keys(openapi), ['openapi', 'info', 'paths', 'components']);
  assert.ok(headers.get('x-request-id'));
  const schemas = (openapi.components as JsonObject).schemas as Record<string, JsonObject>;
  assert.deepEqual(
    schemas.hello_world_parameters?.properties,
    (hello?.parameters as JsonObject | undefined)?.properties,
  );
  assert.deepEqual(
    Object.keys(openapi.paths as JsonObject).sort(),
    [...new Set(routes.map(({ path }) => `/api/${path}`))].sort(),
  );
  const paths = openapi.paths as Record<string, Record<string, { responses: Record<string, JsonObject> }>>;
  const submit = paths['/api/jobs/submit/{job_type}']?.post?.responses ?? {};
  assert.deepEqual(Object.keys(submit), ['200', '400', '401', '404', '409', '413', '415', '422', '500', '503']);
  assert.match(String(submit['409']?.description), /JOB_ACTIVE.+TABLE_EXISTS|TABLE_EXISTS.+JOB_ACTIVE/s);
  assert.ok(!('401' in (paths['/api/health/live']?.get?.responses ?? {})));
});

test('one trigger a file: every route is registered by one', async () => {
  const files = await readdir(new URL('../../src/functions/', import.meta.url));
  const names = routes.map(({ name }) => `${name.replaceAll('_', '-')}.ts`);
  assert.deepEqual(
    names.filter((name) => !files.includes(name)),
    [],
  );
});
