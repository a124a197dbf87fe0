import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreMachineError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';

const settings = {
  titilerBaseUrl: null,
  titilerDialect: '3',
  ogcFeaturesBaseUrl: null,
  ogcCollectionIdStyle: 'table',
  ogcSchemas: ['geo', 'h3'],
  rasterSizeThresholdMb: 1,
  h3MaxCells: 100_000_000,
  cogContainer: 'silver-cogs',
} as const;

async function refusal(parameters: JsonObject, blobs = new MemoryBlobStore()): Promise<CoreMachineError> {
  const given = { container_name: 'tiles', collection_id: 'c', ...parameters };
  try {
    await runJob(processRasterCollection, given, { services: { blobs, settings } });
  } catch (error) {
    return error as CoreMachineError;
  }
  throw new Error('it was not refused');
}

const pathsOf = (error: CoreMachineError) => error.details?.map(({ path }) => path);

test('all problems of the parameters come at once', async () => {
  const error = await refusal({ blob_list: ['a.tif', 'b.txt'], collection_id: 'a.b', maxzoom: 25, output_tier: 'all' });
  assert.equal(error.code, 'INVALID_PARAMETERS');
  assert.deepEqual(pathsOf(error)?.sort(), ['blob_list.1', 'collection_id', 'maxzoom', 'output_tier']);
});

test('an empty list, one that is too long, and names that are there twice', async () => {
  assert.deepEqual(pathsOf(await refusal({ blob_list: [] })), ['blob_list']);
  const many = Array.from({ length: 10_001 }, (_, number) => `${number}.tif`);
  assert.deepEqual(pathsOf(await refusal({ blob_list: many })), ['blob_list']);
  const twice = await refusal({ blob_list: ['a.tif', 'b.tif', 'a.tif', 'b.tif'] });
  assert.deepEqual(pathsOf(twice), ['blob_list.2', 'blob_list.3']);
});

test('names of COGs that blob storage or the result could not hold', async () => {
  const long = await refusal({ blob_list: [`${'x'.repeat(1000)}.tif`], output_folder: 'f'.repeat(50) });
  assert.deepEqual([long.code, pathsOf(long)], ['INVALID_PARAMETERS', ['output_folder']]);
  const many = Array.from({ length: 9_000 }, (_, number) => `${'x'.repeat(80)}${number}.tif`);
  const together = await refusal({ blob_list: many, output_folder: 'f'.repeat(50) });
  assert.deepEqual([together.code, pathsOf(together)], ['INVALID_PARAMETERS', ['output_folder']]);
});

test('what is not there, or too large', async () => {
  assert.equal((await refusal({ blob_list: ['a.tif'] })).code, 'CONTAINER_NOT_FOUND');
  const blobs = new MemoryBlobStore();
  const options = { contentType: 'image/tiff' };
  await blobs.upload({ container: 'tiles', name: 'a.tif' }, new Uint8Array(10), options);
  await blobs.upload({ container: 'tiles', name: 'big.tif' }, new Uint8Array(1_100_000), options);
  const gone = await refusal({ blob_list: ['x.tif', 'a.tif', 'y.tif'] }, blobs);
  assert.deepEqual([gone.code, gone.details?.length], ['FILE_NOT_FOUND', 2]);
  const large = await refusal({ blob_list: ['a.tif', 'big.tif'] }, blobs);
  assert.deepEqual([large.code, pathsOf(large)], ['RASTER_TOO_LARGE', ['big.tif']]);
});
