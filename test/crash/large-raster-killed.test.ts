import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { ApiClient } from '../../src/cli/client.ts';
import { crashStack } from '../tools/crash-stack.ts';
import { gdalCli } from '../tools/gdal-cli.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { momentsOfChance, throughKills } from '../tools/kills.ts';
import { itemIds } from '../tools/pgstac-items.ts';
import { eventually } from '../tools/poll.ts';

/** Up to twelve hosts are started one after another. */
const timeout = 330_000;

/** Four tiles: how long each stage may take, more or less. */
const stageMs = [300, 700, 1500, 60, 250];

let blobs: BlobStore;

const stack = crashStack({
  settings: (folder) => ({ TEMP_FOLDER: join(folder, 'temp') }),
  prepare: ({ parts }) => {
    blobs = openBlobStore({ connection: parts.settings.STORAGE_CONNECTION ?? '' });
  },
});

/** In strips, so that windows wait as blobs between stages 2 and 3. */
async function stripsBlob(name: string): Promise<JsonObject> {
  const options = ['PHOTOMETRIC=RGB'];
  const plain = writeRaster(join(stack.folder, `${name}-plain.tif`), { width: 1000, height: 800, bands: 3, options });
  const file = join(stack.folder, `${name}.tif`);
  await gdalCli('gdal_translate', ['-q', '-co', 'BLOCKYSIZE=4', plain, file]);
  await blobs.upload({ container: 'bronze', name: `${name}.tif` }, file, { contentType: 'image/tiff' });
  return { container_name: 'bronze', blob_name: `${name}.tif`, tile_size: 512 };
}

async function namesIn(container: string, prefix: string): Promise<string[]> {
  if (!(await blobs.containerExists(container))) return [];
  return (await Array.fromAsync(blobs.list(container, { prefix }))).map(({ name }) => name);
}

const moments = momentsOfChance(stageMs);

test('kill -9 in each stage, at a sure moment and at one of chance: completes, no doubled item, no stray blob', {
  timeout,
}, async (context) => {
  const parameters = await stripsBlob('killed');
  const say = (line: string) => context.diagnostic(line);
  const job = await throughKills(stack.parts, { type: 'process_large_raster', parameters }, moments, say);
  await expectSound(job, String(job.job_id), 'killed');
});

async function expectSound(job: JsonObject, jobId: string, stem: string): Promise<void> {
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  assert.equal(job.run, 1);
  const result = job.result_data as { tiling: JsonObject; cogs: JsonObject; stac: JsonObject };
  const tiles = Number(result.tiling.tile_count);
  assert.deepEqual([result.cogs.successful, result.cogs.failed], [tiles, 0]);
  assert.equal(result.stac.items_created, tiles);
  const stacId = String(result.stac.stac_id);
  const expected = Array.from({ length: tiles }, (_, index) => `${stacId}-tile-${String(index).padStart(4, '0')}`);
  assert.deepEqual(await itemIds(stack.parts.settings.DATABASE_URL, stacId), expected);
  const cogs = (await namesIn('silver-cogs', `${stem}_tiles/`)).filter((name) => name.endsWith('.tif'));
  assert.equal(cogs.length, tiles);
  assert.deepEqual(await namesIn('silver-tiles', `work/${jobId}`), []);
  assert.deepEqual(await namesIn('silver-tiles', stem), [`${stem}_tiling_scheme.geojson`]);
}

test('a cancelled job leaves no window, whatever its tasks were doing', async () => {
  const parameters = await stripsBlob('cancelled');
  const host = await stack.parts.startHost();
  try {
    const client = new ApiClient(host.ready.url, host.ready.functionKey);
    const jobId = String((await client.submit('process_large_raster', parameters)).job_id);
    const windows = () => namesIn('silver-tiles', `work/${jobId}`);
    await eventually(async () => (await windows()).length > 0, { timeoutMs: 60_000 });
    await client.request('POST', `jobs/${jobId}/cancel`);
    assert.equal((await client.status(jobId)).status, 'cancelled');
    const settled = async () => {
      const { tasks } = await client.request('GET', `jobs/${jobId}/tasks`);
      const busy = (tasks as JsonObject[]).some(({ status }) => status === 'processing');
      return !busy && (await windows()).length === 0;
    };
    await eventually(settled, { timeoutMs: 30_000, intervalMs: 200 });
    const leftovers = async () =>
      (await readdir(join(stack.folder, 'temp'))).filter((file) => file.includes('-window-'));
    await eventually(async () => (await leftovers()).length === 0);
  } finally {
    await host.stop();
  }
});

test('windows of a job whose worker died after its end are removed by upkeep', async () => {
  const jobId = 'f'.repeat(64);
  const stray = { container: 'silver-tiles', name: `work/${jobId}/1/tile_0_0.tif` };
  await blobs.upload(stray, new Uint8Array([1]), { contentType: 'image/tiff' });
  const host = await stack.parts.startHost();
  try {
    const client = new ApiClient(host.ready.url, host.ready.functionKey);
    await client.request('POST', 'upkeep/run?type=stages');
    assert.equal(await blobs.properties(stray), null);
  } finally {
    await host.stop();
  }
});
