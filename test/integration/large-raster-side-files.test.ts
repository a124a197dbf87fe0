import assert from 'node:assert/strict';
import { copyFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { testStorage } from '../tools/azurite.ts';
import { FaultyProxy } from '../tools/faulty-proxy.ts';
import { gdalCli } from '../tools/gdal-cli.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { assertSeamless, largeJobs, wholeWarp } from '../tools/large-raster.ts';
import { pixelsOf } from '../tools/raster-jobs.ts';

const jobs = await largeJobs();
const { services } = jobs.stack;
const path = (name: string) => join(jobs.stack.folder, name);
const parameters = { tile_size: 512, target_crs: 'EPSG:32633' };

/** Some 9 MB of noise in blocks of 256 x 256. */
const plain = writeRaster(path('plain.tif'), {
  width: 3000,
  height: 3000,
  options: ['BLOCKXSIZE=256', 'BLOCKYSIZE=256'],
});
const { size } = await stat(plain);

async function upload(file: string, name: string, sideFiles: readonly string[] = []): Promise<BlobRef> {
  const stem = file.replace(/\.tif$/, '');
  for (const ending of sideFiles) {
    await jobs.stack.upload(stem + ending, `${jobs.stack.container}/${name.replace(/\.tif$/i, '')}${ending}`);
  }
  return jobs.stack.upload(file, `${jobs.stack.container}/${name}`);
}

/** Bytes that storage served to the task that read most, by stage. Tasks run one after another. */
async function served(
  raster: BlobRef,
  context: TestContext,
): Promise<{ readonly total: number; readonly most: readonly number[] }> {
  const connection = await testStorage();
  const endpoint = /(BlobEndpoint=http:\/\/127\.0\.0\.1:)(\d+)/;
  const proxy = await FaultyProxy.to(Number(endpoint.exec(connection)?.[2]));
  context.after(() => proxy.close());
  const blobs = openBlobStore({ connection: connection.replace(endpoint, `$1${proxy.port}`) });
  const most: number[] = [];
  let begun = 0;
  const instants = async (instant: string, { stage }: { stage: number }) => {
    if (instant === 'task-claimed') begun = proxy.bytes;
    if (instant === 'handler-done') most[stage - 1] = Math.max(most[stage - 1] ?? 0, proxy.bytes - begun);
  };
  const place = { container_name: raster.container, blob_name: raster.name, tile_size: 1024 };
  const options = { services: { ...services, blobs }, instants };
  const { job } = await runJob(processLargeRaster, { ...parameters, ...place }, options);
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  return { total: proxy.bytes, most };
}

test('with a side file windows are still read by range requests, and the side file is not written', async (context) => {
  await copyFile(plain, path('noted.tif'));
  const metadata = '<PAMDataset><Metadata><MDI key="NOTE">from beside</MDI></Metadata></PAMDataset>';
  await writeFile(path('noted.tif.aux.xml'), metadata);
  const alone = await served(await upload(plain, 'alone.tif'), context);
  const noted = await upload(path('noted.tif'), 'noted.tif', ['.tif.aux.xml']);
  const beside = { container: noted.container, name: `${noted.name}.aux.xml` };
  const before = await services.blobs.properties(beside);
  const withSideFile = await served(noted, context);
  assert.equal((await services.blobs.properties(beside))?.etag, before?.etag);
  const share = (bytes: number) => `${((100 * bytes) / size).toFixed(0)} %`;
  const measured = Object.entries({ alone, withSideFile }).map(
    ([name, { total, most }]) =>
      `${name}: ${share(total)} of the file, a task of each stage at most ${most.map(share)}`,
  );
  context.diagnostic(measured.join('; '));
  // The sample of the first stage touches every block of so small a raster.
  for (const [stage, bytes] of withSideFile.most.entries()) {
    assert.ok(bytes < (alone.most[stage] ?? 0) + 0.05 * size, measured.join('; '));
  }
  assert.ok(Math.max(...withSideFile.most.slice(1)) < 0.7 * size, measured.join('; '));
});

test('georeference, nodata and mask from side files are those of a local file', async () => {
  await gdalCli('gdal_translate', [
    ...['-q', '-a_ullr', '500000', '5500000', '513000', '5491000', '-co', 'PROFILE=BASELINE', '-co', 'TFW=YES'],
    ...['-co', 'TILED=YES', '-srcwin', '0', '0', '1300', '900', plain, path('placed.tif')],
  ]);
  const placed = await upload(path('placed.tif'), 'placed.TIF', ['.tfw']);
  const tiled = await jobs.tileBlob(placed, { ...parameters, input_crs: 'EPSG:32633' });
  assert.equal(tiled.scheme.source_access, 'direct');
  assert.equal(tiled.cogs.length, 6);
  await assertSeamless(tiled, path('placed.tif'), false);

  const value = (x: number, y: number) => (x < 1000 && y > 300 ? 200 : 0);
  const mask = writeRaster(path('mask.tif'), { width: 1300, height: 900, value });
  const masked = path('masked.tif');
  await gdalCli('gdal_translate', ['-q', '-srcwin', '0', '0', '1300', '900', '-co', 'TILED=YES', plain, masked]);
  await gdalCli('gdal_translate', [
    '-q',
    '-of',
    'GTiff',
    '-co',
    'TILED=YES',
    '-mo',
    'INTERNAL_MASK_FLAGS_1=2',
    mask,
    `${masked}.msk`,
  ]);
  assert.equal(pixelsOf(masked).masks[0]?.[0], 0, 'GDAL sees the mask beside the file');
  const cut = await jobs.tileBlob(await upload(masked, 'masked.tif', ['.tif.msk']), parameters as JsonObject);
  assert.equal(cut.scheme.source_access, 'direct');
  assert.ok(cut.cogs.length < cut.scheme.tile_count, 'tiles outside of the mask are not made');
  await assertSeamless(cut, await wholeWarp(masked, cut, 'EPSG:32633', ['-r', 'bilinear', '-dstalpha']), true);
});
