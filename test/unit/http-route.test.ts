import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import azure from '@azure/functions';
import { CoreMachineError } from '../../core/errors.ts';
import type { App } from '../../src/app.ts';
import { type Route, serve } from '../../src/http/route.ts';
import { listDeadLetters } from '../../src/http/routes/dead-letters.ts';
import { featuresItems } from '../../src/http/routes/features/items.ts';
import { healthLive, healthReady, health as healthRoute } from '../../src/http/routes/health.ts';
import { listJobs } from '../../src/http/routes/list-jobs.ts';

async function refusal(route: Route, address: string, params: Record<string, string> = {}) {
  const request = new azure.HttpRequest({ method: 'GET', url: `http://localhost/api/${address}`, params });
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

async function health(route: Route, opening: Promise<App>) {
  const request = new azure.HttpRequest({ method: 'GET', url: `http://localhost/api/${route.path}` });
  const { status, body } = await serve(route, () => opening, request);
  return { status, body: JSON.parse(String(body)) };
}

test('probes are answered within 2 s while the application cannot be opened', async () => {
  const started = performance.now();
  const never = new Promise<never>(() => {});
  const [whole, live, ready] = await Promise.all(
    [healthRoute, healthLive, healthReady].map((one) => health(one, never)),
  );
  assert.ok(performance.now() - started < 2000);
  assert.deepEqual([whole?.status, whole?.body.status], [503, 'unhealthy']);
  assert.deepEqual([live?.status, live?.body.status], [200, 'alive']);
  assert.deepEqual([ready?.status, ready?.body.status], [503, 'not_ready']);
  const refused = new CoreMachineError('CATALOGUE_VERSION', 'pgSTAC 0.1 is too old');
  const { body } = await health(healthRoute, Promise.reject(refused));
  assert.deepEqual(body.components.application, { status: 'down', error: refused.code, message: refused.message });
});

test('probes are answered within 2 s also when a component hangs in an application that has just been opened', async () => {
  const log = { info() {}, error() {} };
  const hanging = { name: 'blob', check: () => new Promise<never>(() => {}) };
  const up = { name: 'database', check: async () => ({ version: '18' }) };
  const app = { log, healthChecks: [up, hanging] } as unknown as App;
  const started = performance.now();
  const answers = [healthRoute, healthReady].map((route) => health(route, wait(900, app)));
  const [whole, ready] = await Promise.all(answers);
  assert.ok(performance.now() - started < 2000, `${performance.now() - started} ms`);
  const { database, blob } = whole?.body.components ?? {};
  assert.deepEqual([whole?.status, database?.status, blob?.status], [503, 'up', 'down']);
  assert.deepEqual([ready?.status, ready?.body.status], [503, 'not_ready']);
});
