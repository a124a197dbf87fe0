import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';
import { testStorage } from '../tools/azurite.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { stacServices } from '../tools/stac-services.ts';

const connection = await testStorage();
const stack = await stacServices();
const { services, container, folder } = stack;

async function uploaded(name: string): Promise<string> {
  const file = writeRaster(join(folder, name), { width: 300, height: 200, bands: 3, options: ['PHOTOMETRIC=RGB'] });
  await stack.upload(file, `sources/${name}`);
  return `sources/${name}`;
}

/** Blobs beside the sources. */
async function made(): Promise<string[]> {
  const blobs = await Array.fromAsync(services.blobs.list(container));
  return blobs.map(({ name }) => name).filter((name) => !/^sources\/[^/]*\.tif$/.test(name) || name.includes('_cog_'));
}

/** The same services, where no picture can be stored: the last thing of a description, when the COG is there. */
function withoutPictures(uploads: string[], pictureOf = '') {
  const blobs = openBlobStore({ connection });
  const upload = blobs.upload.bind(blobs);
  blobs.upload = async (ref, ...rest) => {
    if (ref.name.endsWith('.webp') && ref.name.includes(pictureOf)) {
      throw new CoreMachineError('STORAGE_DENIED', 'no pictures');
    }
    const stored = await upload(ref, ...rest);
    uploads.push(ref.name);
    return stored;
  };
  return { services: { ...services, blobs } };
}

test('of a COG that cannot be described nothing is left', async () => {
  const parameters: JsonObject = { container_name: container, blob_name: await uploaded('new.tif') };
  const uploads: string[] = [];
  const { job } = await runJob(processRaster, parameters, withoutPictures(uploads));
  assert.deepEqual([job.status, job.error?.code], ['failed', 'STORAGE_DENIED']);
  assert.deepEqual(uploads, ['sources/new_cog_analysis.tif']);
  assert.deepEqual(await made(), []);
});

test('where an earlier COG had the name, its items still have one', async () => {
  const parameters: JsonObject = { container_name: container, blob_name: await uploaded('again.tif') };
  const { job } = await runJob(processRaster, parameters, stack);
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  const before = await made();
  assert.deepEqual(before, ['sources/again_cog_analysis.tif', 'sources/again_cog_analysis.tif_thumb.webp']);
  const uploads: string[] = [];
  const second = await runJob(processRaster, { ...parameters, jpeg_quality: 80 }, withoutPictures(uploads));
  assert.equal(second.job.status, 'failed');
  assert.deepEqual(uploads, ['sources/again_cog_analysis.tif']);
  assert.deepEqual(await made(), before);
});

test('a tile of a collection that cannot be described leaves no COG either', async () => {
  const blob_list = [await uploaded('one.tif'), await uploaded('other.tif')];
  const parameters = { container_name: container, blob_list, collection_id: 'pair', mosaicjson_container: container };
  const before = await made();
  const { job } = await runJob(processRasterCollection, parameters, withoutPictures([], 'one'));
  assert.equal(job.status, 'completed_with_errors', JSON.stringify(job.error));
  const since = (await made()).filter((name) => !before.includes(name));
  assert.deepEqual(since, ['pair.json', 'sources_other_cog_analysis.tif', 'sources_other_cog_analysis.tif_thumb.webp']);
});
