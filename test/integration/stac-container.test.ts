import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { stacCatalogContainer } from '../../jobs/stac-catalog-container.ts';
import type { JobView } from '../../src/cli/client.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { stacServices } from '../tools/stac-services.ts';
import { testStack } from '../tools/stack.ts';

const stac = await stacServices();

describe('stac_catalog_container', () => {
  const container = stac.container;
  const good = ['a b.tif', 'grün/öst & west 100%.tif', 'grün/地図 🛰.TIF', 'grün/x+y#z?.tif'];

  before(async () => {
    const file = writeRaster(join(stac.folder, 'tiny.tif'), { width: 20, height: 20 });
    for (const name of [...good, 'other.tiff', 'note.tif.txt']) await stac.upload(file, name);
    await stac.services.blobs.upload({ container, name: 'grün/broken.tif' }, Buffer.from('no raster'), {
      contentType: 'image/tiff',
    });
  });

  const run = (parameters: JsonObject = {}) =>
    runJob(stacCatalogContainer, { container_name: container, ...parameters }, { services: stac.services });

  test('names with spaces and any letters become items; a broken file fails by itself', async () => {
    const { job, store } = await run();
    assert.equal(job.status, 'completed_with_errors');
    const { summary, ...rest } = job.result as { summary: JsonObject };
    assert.deepEqual(rest, {
      job_type: 'stac_catalog_container',
      collection_id: 'system-rasters',
      container_name: container,
      extension_filter: '.tif',
      prefix: null,
      stages_completed: 2,
      total_tasks_executed: 6,
      tasks_by_status: { completed: 5, failed: 1 },
    });
    const { errors_sample, ...counts } = summary;
    assert.deepEqual(counts, {
      total_files_found: 5,
      files_processed: 5,
      successful_insertions: 4,
      failed_insertions: 1,
      success_rate: '80%',
    });
    const [failure] = errors_sample as JsonObject[];
    assert.equal(failure?.code, 'FILE_UNREADABLE');
    assert.match(String(failure?.message), /^grün\/broken\.tif: /);
    const outputs = await store.resultPage({ jobId: job.jobId, run: 1, stage: 2 }, -1, 100);
    const items = outputs.map(({ output }) => output as JsonObject);
    assert.deepEqual(items.map((item) => item.blob_name).sort(), [...good].sort());
    for (const item of items) {
      const found = await stac.services.catalogue.getItem('system-rasters', String(item.item_id));
      const href = (found?.assets as Record<string, JsonObject> | undefined)?.data?.href;
      assert.equal((await fetch(String(href), { method: 'HEAD' })).status, 200, String(href));
    }
  });

  test('prefix, ending and limit choose among the blobs', async () => {
    const found = async (parameters: JsonObject) => {
      const { job } = await run({ collection_id: 'chosen', ...parameters });
      const { total_files_found, successful_insertions } = { ...(job.result?.summary as JsonObject) };
      return [job.status, total_files_found, successful_insertions];
    };
    assert.deepEqual(await found({ prefix: 'grün/x' }), ['completed', 1, 1]);
    assert.deepEqual(await found({ extension_filter: 'TIFF' }), ['completed', 1, 1]);
    assert.deepEqual(await found({ file_limit: 1 }), ['completed', 1, 1]);
  });

  test('an empty listing completes, a missing container is refused', async () => {
    const { job } = await run({ prefix: 'nothing/here' });
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    assert.deepEqual(job.result?.summary, {
      total_files_found: 0,
      files_processed: 0,
      successful_insertions: 0,
      failed_insertions: 0,
      success_rate: '100%',
      errors_sample: [],
    });
    await assert.rejects(run({ container_name: 'not-there' }), { code: 'CONTAINER_NOT_FOUND' });
    await assert.rejects(run({ extension_filter: 'a/b' }), { code: 'INVALID_PARAMETERS' });
  });
});

describe('sync_container on the embedded stack', () => {
  const total = 300;
  const isBroken = (index: number) => index % 20 === 7;
  let pool: pg.Pool | undefined;
  // Before the stack's own, which ends the database.
  after(() => pool?.end());
  const running = testStack();
  before(async () => {
    const { settings } = running().stack;
    pool = new pg.Pool({ connectionString: String(settings.DATABASE_URL), max: 1 });
    const blobs = openBlobStore({ connection: String(settings.STORAGE_CONNECTION) });
    const tiny = new Uint8Array(await readFile(writeRaster(join(stac.folder, 'small.tif'), { width: 20, height: 20 })));
    for (let index = 0; index < total; index += 1) {
      const ref = { container: 'fleet', name: `tile ${String(index).padStart(3, '0')}.tif` };
      await blobs.upload(ref, isBroken(index) ? tiny.subarray(0, 100) : tiny, { contentType: 'image/tiff' });
    }
  });

  function database(): pg.Pool {
    assert.ok(pool);
    return pool;
  }

  async function sync(force: boolean): Promise<JobView> {
    const { client } = running();
    const parameters = { container_name: 'fleet', collection_id: 'fleet' };
    const { job_id, job_type } = await client.submit('sync_container', parameters, { force });
    assert.equal(job_type, 'stac_catalog_container');
    return client.follow(String(job_id), () => {});
  }

  for (const [name, force] of [
    ['300 rasters, some of them broken', false],
    ['a second run doubles nothing', true],
  ] as const) {
    test(name, async (context) => {
      const job = await sync(force);
      context.diagnostic(`300 rasters in ${job.duration_seconds} s`);
      assert.equal(job.status, 'completed_with_errors');
      const { summary } = job.result_data as { summary: JsonObject };
      const { successful_insertions, failed_insertions, success_rate } = summary;
      assert.deepEqual([successful_insertions, failed_insertions, success_rate], [285, 15, '95%']);
      const { rows } = await database().query(`SELECT count(*)::int AS items, count(DISTINCT id)::int AS ids
        FROM pgstac.items WHERE collection = 'fleet'`);
      assert.deepEqual(rows, [{ items: 285, ids: 285 }]);
    });
  }
});
