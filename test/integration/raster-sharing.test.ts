import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { type Conversion, rasterJobs } from '../tools/raster-jobs.ts';

const jobs = await rasterJobs();
const { container, folder, services } = jobs.stack;
const other = `${container}-2`;

const plain = { target_crs: 'EPSG:32633' };
/** No job began: those end with a JobFailure. */
const atSubmit = { name: 'CoreMachineError', code: 'OUTPUT_TAKEN', message: /output_folder/ };

async function upload(name: string, { value = 7, to = container, as = name } = {}): Promise<BlobRef> {
  const file = writeRaster(join(folder, name), { width: 60, height: 40, bands: 3, value: () => value, ...picture });
  const ref = { container: to, name: as };
  await services.blobs.upload(ref, file, { contentType: 'image/tiff' });
  return ref;
}

const picture = { options: ['PHOTOMETRIC=RGB'] };

/** What a job wrote, and the item in the catalogue. */
async function outputs({ cogs, result }: Conversion): Promise<JsonObject> {
  const { collection_id, item_id } = result.stac as { collection_id: string; item_id: string };
  const blobs: (string | undefined)[] = [];
  for (const { cog_container, cog_blob } of cogs) {
    for (const name of [cog_blob, `${cog_blob}_thumb.webp`]) {
      blobs.push((await services.blobs.properties({ container: cog_container, name }))?.etag);
    }
  }
  assert.ok(blobs.every((etag) => etag !== undefined));
  return { blobs: blobs.map(String), item: await services.catalogue.getItem(collection_id, item_id) };
}

test('one name in two containers, or with two extensions: the second is refused before it writes', async () => {
  const first = await jobs.convertBlob(await upload('same.tif'), plain);
  const before = await outputs(first);
  const twin = await upload('same.tif', { value: 9, to: other });
  await assert.rejects(jobs.convertBlob(twin, plain), atSubmit);
  await assert.rejects(jobs.convertBlob(twin, { ...plain, output_tier: 'all' }), atSubmit);
  await assert.rejects(jobs.convertBlob(await upload('same.tiff'), plain), atSubmit);
  assert.deepEqual(await outputs(first), before);
  const second = await jobs.convertBlob(twin, { ...plain, output_folder: 'elsewhere' });
  assert.equal(second.result.source_container, other);
  const archive = await jobs.convertBlob(twin, { ...plain, output_tier: 'archive' });
  assert.equal(archive.cogs[0]?.cog_blob, 'same_cog_archive.tif', 'of that tier there is none');
  assert.deepEqual(await outputs(first), before);
});

test('the same source again refreshes its COG and its item, changed or not', async () => {
  const source = await upload('again.tif');
  const first = await outputs(await jobs.convertBlob(source, plain));
  await upload('again.tif', { value: 8 });
  const { result, ...conversion } = await jobs.convertBlob(source, plain);
  assert.deepEqual((result.stac as JsonObject).item_id, (first.item as JsonObject).id);
  const second = await outputs({ result, ...conversion });
  assert.notDeepEqual(second.blobs, first.blobs);
});

test('a COG from before there were marks is replaced, and marked', async () => {
  const source = await upload('old.tif');
  const place = { container, name: 'old_cog_analysis.tif' };
  await services.blobs.upload(place, new TextEncoder().encode('old'), { contentType: 'image/tiff' });
  const { cogs } = await jobs.convertBlob(source, plain);
  assert.deepEqual([cogs[0]?.cog_container, cogs[0]?.cog_blob], [place.container, place.name]);
  assert.match((await services.blobs.properties(place))?.metadata.owner ?? '', /^[0-9a-f]{64}$/);
  const twin = await upload('old.tif', { to: other });
  await assert.rejects(jobs.convertBlob(twin, plain), atSubmit);
});

test('another job that took the name since the submit keeps it', async () => {
  const mine = await upload('race.tif');
  const theirs = await upload('race.tif', { value: 9, to: other });
  let first: Conversion | null = null;
  const instants = async (instant: string, at: { stage: number }) => {
    if (instant === 'task-claimed' && at.stage === 2 && !first) first = await jobs.convertBlob(theirs, plain);
  };
  const parameters = { container_name: mine.container, blob_name: mine.name, ...plain };
  const { job } = await runJob(processRaster, parameters, { services, instants });
  assert.deepEqual([job.status, job.error?.code], ['failed', 'OUTPUT_TAKEN'], JSON.stringify(job.error));
  assert.ok(first);
  const { item } = await outputs(first);
  assert.match(JSON.stringify(item), new RegExp(`${other}/race\\.tif`));
  assert.deepEqual(await jobs.leftovers(), []);
});

test('another job that takes the name during the work keeps it', async () => {
  const mine = await upload('late.tif');
  const theirs = await upload('late.tif', { value: 9, to: other });
  let first: Conversion | null = null;
  const run: typeof services.gdal.run = async (command, ...options) => {
    const isLast = 'destination' in command && command.destination.endsWith('/cog.tif');
    if (isLast) first ??= await jobs.convertBlob(theirs, plain);
    return services.gdal.run(command, ...options);
  };
  const gdal = new Proxy(services.gdal, {
    get: (target, name) => {
      if (name === 'run') return run;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const parameters = { container_name: mine.container, blob_name: mine.name, ...plain };
  const { job } = await runJob(processRaster, parameters, { services: { ...services, gdal } });
  assert.deepEqual([job.status, job.error?.code], ['failed', 'OUTPUT_TAKEN'], JSON.stringify(job.error));
  assert.ok(first);
  assert.match(JSON.stringify(await outputs(first)), new RegExp(`${other}/late\\.tif`));
});

test('a tile of a collection does not replace the COG of another source: it is left out and reported', async () => {
  const first = await jobs.convertBlob(await upload('tile.tif'), plain);
  const before = await outputs(first);
  const blob_list = [await upload('tile.tif', { to: other }), await upload('tile-2.tif', { to: other })].map(
    ({ name }) => name,
  );
  const parameters = { container_name: other, blob_list, collection_id: 'tiles', ...plain };
  const own = { mosaicjson_container: container, create_stac_collection: false };
  const { job } = await runJob(processRasterCollection, { ...parameters, ...own }, { services });
  assert.equal(job.status, 'completed_with_errors', JSON.stringify(job.error));
  const cogs = job.result?.cogs as JsonObject | undefined;
  const failed = cogs?.failed_tiles as JsonObject[];
  assert.deepEqual(
    [cogs?.successful, failed.map(({ blob_name, code }) => [blob_name, code])],
    [1, [['tile.tif', 'OUTPUT_TAKEN']]],
  );
  assert.deepEqual(await outputs(first), before);
  const again = await runJob(processRasterCollection, { ...parameters, ...own, output_folder: 'own' }, { services });
  assert.equal(again.job.status, 'completed', JSON.stringify(again.job.error));
});
