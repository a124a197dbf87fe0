import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { eventually } from '../tools/poll.ts';
import { testStack } from '../tools/stack.ts';

const running = testStack({ env: { UPKEEP_REPUBLISH_SCHEDULE: '0 0 0 1 1 *' } });

async function call(method: string, path: string, body?: JsonObject): Promise<{ status: number; body: JsonObject }> {
  const answer = await fetch(`${running().stack.url}/api/${path}`, {
    method,
    headers: { 'x-functions-key': running().stack.functionKey, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as JsonObject };
}

async function ended(parameters: JsonObject): Promise<string> {
  const { job_id } = await running().client.submit('hello_world', parameters);
  await running().client.follow(String(job_id), () => {});
  return String(job_id);
}

function eventNames(body: JsonObject): unknown[] {
  return (body.events as JsonObject[]).map(({ event }) => event);
}

test('a job that completed is retried from the start only, and its timeline has both runs', async () => {
  const id = await ended({ n: 3 });
  const refused = await call('POST', `jobs/${id}/retry`);
  assert.deepEqual([refused.status, refused.body.error], [409, 'NOTHING_TO_RETRY']);
  const again = await call('POST', `jobs/${id}/retry?from=start`);
  assert.deepEqual([again.status, again.body.run, again.body.status], [200, 2, 'queued']);
  const job = await running().client.follow(id, () => {});
  assert.deepEqual([job.status, job.run], ['completed', 2]);
  const { body } = await call('GET', `jobs/${id}/events?run=2`);
  assert.equal(eventNames(body)[0], 'job_rerun');
  assert.equal(eventNames(body).at(-1), 'job_completed');
  const all = await call('GET', `jobs/${id}/events`);
  assert.ok(Number(all.body.count) > Number(body.count));
  const page = await call('GET', `jobs/${id}/events?limit=2`);
  const rest = await call('GET', `jobs/${id}/events?limit=1000&cursor=${page.body.next_cursor}`);
  assert.deepEqual([...eventNames(page.body), ...eventNames(rest.body)], eventNames(all.body));
});

test('the tasks of every run of a job can be read', async () => {
  const id = await ended({ n: 3, message: 'twice' });
  await call('POST', `jobs/${id}/retry?from=start`);
  await running().client.follow(id, () => {});
  for (const [query, run] of [
    ['', 2],
    ['?run=1', 1],
    ['?run=2', 2],
  ] as const) {
    const tasks = await call('GET', `jobs/${id}/tasks${query}`);
    assert.deepEqual([tasks.body.run, tasks.body.count], [run, 6], `the tasks of ${query || 'the current run'}`);
  }
  const of = async (run: number) => (await call('GET', `jobs/${id}/tasks?run=${run}`)).body.tasks as JsonObject[];
  const [first, second] = [await of(1), await of(2)];
  assert.ok(String(first.at(-1)?.completed_at) <= String(second[0]?.created_at), 'the first run ended before');
  const page = await call('GET', `jobs/${id}/tasks?run=1&limit=4`);
  const rest = await call('GET', `jobs/${id}/tasks?run=1&cursor=${page.body.next_cursor}`);
  assert.deepEqual([...(page.body.tasks as JsonObject[]), ...(rest.body.tasks as JsonObject[])], first);
  assert.equal((await call('GET', `jobs/${id}/tasks?run=0`)).body.error, 'INVALID_PARAMETERS');
});

test('a cancelled job goes on with a retry', async () => {
  // One greeting in 100 fails and waits 5 s for its retry: the job cannot be over before it is cancelled.
  const parameters = { n: 1000, message: 'again', failure_rate: 0.01 };
  const id = String((await running().client.submit('hello_world', parameters)).job_id);
  await eventually(async () => (await running().client.status(id)).status === 'processing');
  const cancelled = await call('POST', `jobs/${id}/cancel`);
  assert.deepEqual([cancelled.status, cancelled.body.status], [200, 'cancelled']);
  assert.equal((await running().client.status(id)).status, 'cancelled');
  const { status, body } = await call('POST', `jobs/${id}/retry`);
  assert.deepEqual([status, body.run, body.status], [200, 2, 'queued']);
  const job = await running().client.follow(id, () => {});
  assert.deepEqual([job.status, job.run], ['completed', 2]);
});

test('wrong ids and parameters are refused', async () => {
  assert.equal((await call('POST', 'jobs/xyz/retry')).body.error, 'INVALID_ID');
  assert.equal((await call('POST', `jobs/${'0'.repeat(64)}/retry`)).body.error, 'JOB_NOT_FOUND');
  const id = await ended({ n: 1 });
  assert.equal((await call('POST', `jobs/${id}/retry?from=middle`)).body.error, 'INVALID_PARAMETERS');
  assert.equal((await call('GET', `jobs/${id}/events?cursor=zzz`)).body.error, 'INVALID_PARAMETERS');
  assert.equal((await call('POST', 'upkeep/run?type=magic')).body.error, 'INVALID_PARAMETERS');
});

test('upkeep can be run by hand, fixes nothing on a healthy system, and leaves its history', async () => {
  await ended({ n: 5 });
  for (const type of ['republish', 'leases', 'stages', 'timeouts', 'retention']) {
    const { status, body } = await call('POST', `upkeep/run?type=${type}`);
    assert.deepEqual([status, body.type, body.fixed], [200, type, 0]);
  }
  const { body } = await call('GET', 'upkeep/history?type=timeouts&limit=1');
  const [run] = body.runs as JsonObject[];
  assert.deepEqual([run?.type, run?.fixed, run?.error, typeof run?.duration_ms], ['timeouts', 0, null, 'number']);
  const fixed = await call('GET', 'upkeep/history?fixed_only=true');
  assert.deepEqual(fixed.body.runs, []);
});
