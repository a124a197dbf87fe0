import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import type { MosaicJson } from '../../handlers/mosaic/mosaic-json.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';
import { assertSame, cogeoMosaic } from '../tools/cogeo-mosaic.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { pythonMissing } from '../tools/optional-python.ts';
import { stacServices } from '../tools/stac-services.ts';
import { uploadTiles } from '../tools/tile-sets.ts';

const missing = await pythonMissing('mosaic');

if (missing === null) await compare();
else test('the mosaics of jobs are those that cogeo-mosaic makes of their COGs', { skip: missing }, () => {});

async function compare(): Promise<void> {
  const stack = await stacServices();
  const { services, container, folder } = stack;

  /** The document that a job wrote, and the one of cogeo-mosaic from the COGs that the job wrote. */
  async function both(definition: JobDefinition, cogStage: number, parameters: JsonObject): Promise<void> {
    const { job, store } = await runJob(definition, { container_name: container, ...parameters }, stack);
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    const cogs = await store.resultPage({ jobId: job.jobId, run: job.run, stage: cogStage }, -1, 100);
    const fileOf = new Map<string, string>();
    for (const { key, output } of cogs) {
      const { cog_container, cog_blob } = output as { cog_container: string; cog_blob: string };
      const ref = { container: cog_container, name: cog_blob };
      const file = join(folder, `${definition.name}-${key}.tif`);
      await services.blobs.download(ref, file);
      fileOf.set(services.blobs.url(ref), file);
    }
    const place = job.result?.mosaicjson as { container: string; blob_path: string };
    const bytes = await services.blobs.read({ container: place.container, name: place.blob_path });
    const ours = JSON.parse(new TextDecoder().decode(bytes)) as MosaicJson;
    const local = (hrefs: readonly string[]) => hrefs.map((href) => fileOf.get(href) ?? `no COG: ${href}`);
    const tiles = Object.fromEntries(Object.entries(ours.tiles).map(([key, hrefs]) => [key, local(hrefs)]));
    assert.ok(Object.values(tiles).some((files) => files.length > 1));
    assertSame({ ...ours, tiles }, await cogeoMosaic(folder, { files: [...fileOf.values()] }));
  }

  test('the mosaic of a collection job is the one that cogeo-mosaic makes of its COGs', async () => {
    const blob_list = await uploadTiles(stack, 'rgb', { prefix: 'mosaic', columns: 3, rows: 2 });
    await both(processRasterCollection, 2, { blob_list, collection_id: 'six', mosaicjson_container: container });
  });

  test('the mosaic of a large raster is the one that cogeo-mosaic makes of its COGs', async () => {
    const file = writeRaster(join(folder, 'large.tif'), { width: 1300, height: 900, bands: 3 });
    const { name } = await stack.upload(file, `${container}/large.tif`);
    await both(processLargeRaster, 3, { blob_name: name, tile_size: 512 });
  });
}
