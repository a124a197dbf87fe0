import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runJob } from '../../core/testing/run-job.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { gdalinfo } from '../tools/gdal-cli.ts';
import { type TestRaster, writeRaster } from '../tools/gdal-files.ts';
import { rasterJobs } from '../tools/raster-jobs.ts';

const jobs = await rasterJobs();
const path = (name: string) => join(jobs.stack.folder, name);

test('whole numbers of 64 bits have statistics', async () => {
  for (const type of ['Int64', 'UInt64']) {
    const raster: TestRaster = { width: 30, height: 20, type, nodata: 9, value: (x) => (x < 15 ? 9 : x * 2 ** 40) };
    const { cogs } = await jobs.convert(writeRaster(path(`${type}.tif`), raster), { target_crs: 'EPSG:32633' });
    const { metadata } = (await gdalinfo(cogs[0]?.file ?? '')).bands[0] ?? {};
    const { STATISTICS_MINIMUM: minimum, STATISTICS_VALID_PERCENT: valid } = metadata?.[''] ?? {};
    assert.deepEqual([Number(minimum), valid], [15 * 2 ** 40, '50'], type);
  }
});

test('a large raster of 64 bits is not taken for empty', async () => {
  const raster: TestRaster = { width: 700, height: 600, type: 'Int64', nodata: -1, value: (x, y) => x + y };
  const source = await jobs.stack.upload(writeRaster(path('large64.tif'), raster), 'large64.tif');
  const place = { container_name: source.container, blob_name: source.name };
  const { job } = await runJob(processLargeRaster, { ...place, tile_size: 512 }, jobs.stack);
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
});
