import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { testStack } from '../tools/stack.ts';

const sample = fileURLToPath(new URL('../fixtures/samples/olinda_dem_utm25s.tif', import.meta.url));
const running = testStack();

async function post(path: string, body: JsonObject): Promise<{ status: number; body: JsonObject }> {
  const { stack } = running();
  const answer = await fetch(`${stack.url}/api/${path}`, {
    method: 'POST',
    headers: { 'x-functions-key': stack.functionKey, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as JsonObject };
}

test('the body that older clients send makes a COG; another version is another job', async () => {
  const connection = String(running().stack.settings.STORAGE_CONNECTION);
  const place = { container: 'bronze', name: 'a.tif' };
  await openBlobStore({ connection }).upload(place, sample, { contentType: 'image/tiff' });
  const given = { dataset_id: 'bronze', resource_id: 'a.tif', version_id: 'v1' };
  const first = await post('jobs/process_raster', given);
  assert.equal(first.status, 200, JSON.stringify(first.body));
  const { container_name, blob_name, ...others } = first.body.parameters as JsonObject;
  assert.deepEqual([container_name, blob_name], ['bronze', 'a.tif']);
  for (const name of Object.keys(given)) assert.ok(!(name in others), name);
  const job = await running().client.follow(String(first.body.job_id), () => {});
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  await assertAsDocumented('process_raster', job.result_data);
  assert.equal((await post('jobs/process_raster', given)).body.job_id, first.body.job_id);
  const second = await post('jobs/process_raster', { ...given, version_id: 'v2' });
  assert.notEqual(second.body.job_id, first.body.job_id);
  const contrary = await post('jobs/process_raster', { ...given, container_name: 'silver-cogs' });
  assert.deepEqual([contrary.status, contrary.body.error], [400, 'INVALID_PARAMETERS']);
  await running().client.follow(String(second.body.job_id), () => {});
});

/** A client that is generated from the OpenAPI document understands the result. */
async function assertAsDocumented(jobType: string, result: JsonValue | undefined): Promise<void> {
  const { stack } = running();
  const answer = await fetch(`${stack.url}/api/openapi.json`, { headers: { 'x-functions-key': stack.functionKey } });
  const { components } = (await answer.json()) as { components: { schemas: Record<string, JsonObject> } };
  const schema = components.schemas[`${jobType}_result`];
  assert.ok(schema);
  const ajv = new Ajv2020({ strict: false });
  assert.ok(ajv.validate(schema, result), JSON.stringify(ajv.errors));
}
