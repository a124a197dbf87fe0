import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runJob } from '../../core/testing/run-job.ts';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';
import { processRaster } from '../../jobs/process-raster.ts';

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

test('a raster over the limit is refused at submit, with the job type that takes it; one of the limit is not', async () => {
  const blobs = new MemoryBlobStore();
  const limit = 1024 * 1024;
  for (const [name, bytes] of [['over.tif', limit + 1] as const, ['limit.tif', limit] as const]) {
    await blobs.upload({ container: 'bronze', name }, new Uint8Array(bytes), { contentType: 'image/tiff' });
  }
  const submit = (blob_name: string) =>
    runJob(processRaster, { container_name: 'bronze', blob_name }, { services: { blobs, settings } });
  await assert.rejects(submit('over.tif'), { code: 'RASTER_TOO_LARGE', message: /process_large_raster/ });
  // The next thing that is asked for is GDAL, which was not given.
  await assert.rejects(submit('limit.tif'), { code: 'INTERNAL', message: /no service "gdal"/ });
});
