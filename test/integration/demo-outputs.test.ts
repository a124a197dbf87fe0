import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { saveOutputs } from '../../src/cli/demo-outputs.ts';
import { stacServices } from '../tools/stac-services.ts';
import { stacProblems } from '../tools/stac-validator.ts';

// As in the demo: there is no titiler.
const stack = await stacServices({ titilerBaseUrl: null });
const { folder, services, databaseUrl } = stack;

test('what the demo prints is links to files: the COG, its picture, and an item that points at both', async () => {
  const source = join(folder, 'Szene é 1.tif');
  await copyFile(new URL('../fixtures/samples/L7_ETMs.tif', import.meta.url), source);
  const { container, name } = await stack.upload(source, 'in put/Szene é 1.tif');
  const { job } = await runJob(processRaster, { container_name: container, blob_name: name }, stack);
  const { cog, stac } = job.result as Record<string, JsonObject>;
  const { collection_id, item_id } = stac ?? {};
  const blob = { container: String(cog?.cog_container), name: String(cog?.cog_blob) };
  const made = {
    cog: blob,
    item: { collectionId: String(collection_id), itemId: String(item_id) },
    source,
  };
  const links = await saveOutputs(join(folder, 'out'), made, { blobs: services.blobs, databaseUrl });
  assert.ok((await read(links.cog)).equals(await services.blobs.read(blob)));
  assert.equal((await read(links.picture)).subarray(8, 12).toString(), 'WEBP');
  const item = JSON.parse((await read(links.item)).toString()) as JsonObject;
  assert.deepEqual(await stacProblems(item), []);
  const assets = item.assets as Record<string, { href: string }>;
  const target = (name: string) => new URL(String(assets[name]?.href), links.item).href;
  assert.deepEqual([target('data'), target('thumbnail')], [links.cog, links.picture]);
  assert.ok((await read(target('source'))).equals(await readFile(source)));
  assert.doesNotMatch(JSON.stringify(item), /http:\/\/127/);
});

function read(link: string | null): Promise<Buffer> {
  return readFile(fileURLToPath(link ?? ''));
}
