import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runJob } from '../../core/testing/run-job.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
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

test('signed bytes are refused where GDAL has no type for them', async (context) => {
  if (jobs.stack.services.gdal.capabilities.versionNumber >= 3_070_000) return context.skip('GDAL has the type Int8');
  const raster: TestRaster = { width: 30, height: 20, options: ['PIXELTYPE=SIGNEDBYTE'], value: () => 200 };
  await assert.rejects(jobs.convert(writeRaster(path('signed.tif'), raster)), { code: 'RASTER_UNSUPPORTED' });
});

test('a raster smaller than a centimetre has a place', async () => {
  const corners = ['500000', '5500000', '500000.005', '5499999.995'];
  const plain = writeRaster(path('plain.tif'), { width: 1, height: 1, value: () => 7 });
  await gdalCli('gdal_translate', ['-q', '-a_ullr', ...corners, plain, path('speck.tif')]);
  const { cogs } = await jobs.convert(path('speck.tif'), { target_crs: 'EPSG:32633' });
  const [cog] = cogs;
  assert.ok(cog);
  const [west = 0, south = 0, east = 0, north = 0] = cog.item.bbox as number[];
  assert.ok(west < east && east - west < 1e-7 && south < north && north - south < 1e-7);
});

test('data between the pixels of the sample lie in the footprint', async () => {
  const { gdal } = jobs.stack.services;
  const line = writeRaster(path('line.tif'), {
    ...{ width: 3000, height: 40, type: 'Int16', nodata: -1 },
    value: (x, y) => (y === 20 && x > 500 ? 5 : -1),
  });
  const size = { width: 100, height: 2, resampling: 'near', anyValid: true };
  const { mask, anyValid } = await gdal.readPixels({ path: line, config: {} }, size);
  assert.equal(mask.includes(255) && !mask.includes(0), false);
  // 30 columns to a pixel: pixel 16 has the columns 480 to 509.
  assert.deepEqual([anyValid?.indexOf(255), anyValid?.lastIndexOf(255)], [116, 199]);
  const thin = writeRaster(path('thin.tif'), { width: 5000, height: 1, value: () => 7 });
  const { cogs } = await jobs.convert(thin);
  const [cog] = cogs;
  assert.ok(cog);
  const [, , east = 0] = cog.item.bbox as number[];
  assert.ok(Math.abs(east - (cog.bounds_4326[2] ?? 0)) < 1e-4, `${east}, ${cog.bounds_4326[2]}`);
});
