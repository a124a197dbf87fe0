import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpRequest } from '@azure/functions';
import { type Route, serve } from '../../src/http/route.ts';
import { listDeadLetters } from '../../src/http/routes/dead-letters.ts';
import { featuresItems } from '../../src/http/routes/features/items.ts';
import { listJobs } from '../../src/http/routes/list-jobs.ts';

async function refusal(route: Route, address: string, params: Record<string, string> = {}) {
  const request = new HttpRequest({ method: 'GET', url: `http://localhost/api/${address}`, params });
  const { status, body } = await serve(route, () => Promise.reject(new Error('not to be opened')), request);
  return [status, JSON.parse(String(body)).error];
}

test('U+0000 in an address goes no further, also where a host lets it in', async () => {
  const refused = [400, 'INVALID_PARAMETERS'];
  assert.deepEqual(await refusal(listJobs, 'jobs?job_type=a%00b'), refused);
  assert.deepEqual(await refusal(listDeadLetters, 'queues/x/deadletter', { name: 'a\0b' }), refused);
  const items = 'features/collections/roads/items';
  assert.deepEqual(await refusal(featuresItems, `${items}?surface=%00`, { collection_id: 'roads' }), refused);
  assert.deepEqual(await refusal(featuresItems, `${items}?%00=paved`, { collection_id: 'roads' }), refused);
});
