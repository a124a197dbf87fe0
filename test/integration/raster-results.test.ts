import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { stacCatalogRaster } from '../../jobs/stac-catalog-raster.ts';
import { validateRasterJob } from '../../jobs/validate-raster-job.ts';
import { hills, writeRaster } from '../tools/gdal-files.ts';
import { stacServices } from '../tools/stac-services.ts';

const stack = await stacServices();
const { container, folder, services } = stack;

const picture = { width: 700, height: 600, bands: 3, options: ['PHOTOMETRIC=RGB'], value: hills };
const rgb = await stack.upload(writeRaster(join(folder, 'rgb.tif'), picture), 'results/rgb.tif');

/** The result of a job that completed, and those of its stages. */
async function ran(definition: JobDefinition, raster: BlobRef, parameters: JsonObject = {}) {
  const place = { container_name: raster.container, blob_name: raster.name };
  const { job, stages, store } = await runJob(definition, { ...place, ...parameters }, stack);
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  const outputs: JsonObject[][] = [];
  for (const { number: stage } of stages) {
    const page = await store.resultPage({ jobId: job.jobId, run: job.run, stage }, -1, 100);
    outputs.push(page.map(({ output }) => output as JsonObject));
  }
  return { result: job.result as JsonObject, outputs };
}

function tail(stages: number, tasks: number) {
  const tasks_by_status = { completed: tasks, failed: 0 };
  return { stages_completed: stages, total_tasks_executed: tasks, tasks_by_status };
}

/** What validate_raster finds in the picture. */
const found = {
  source_blob: 'results/rgb.tif',
  source_container: container,
  band_count: 3,
  dtype: 'uint8',
  shape: [600, 700],
  bounds: [500_000, 5_494_000, 507_000, 5_500_000],
  geo_transform: [500_000, 10, 0, 5_500_000, 0, -10],
  source_crs: 'EPSG:32633',
  crs_source: 'file_metadata',
  nodata: null,
  color_interpretation: ['red', 'green', 'blue'],
  raster_type: {
    detected_type: 'rgb',
    confidence: 1,
    evidence: ['3 bands of Byte, Red Green Blue'],
    optimal_cog_settings: { compression: 'JPEG', overview_resampling: 'cubic', reproject_resampling: 'cubic' },
  },
  effective_type: 'rgb',
  cog_tiers: { applicable_tiers: ['visualization', 'analysis', 'archive'], incompatible_reason: null },
  bit_depth_check: { efficient: true, current_dtype: 'uint8', reason: 'uint8 is stored as it is' },
  warnings: [],
};

test('validate_raster_job: a picture', async () => {
  const { result } = await ran(validateRasterJob, rgb);
  assert.deepEqual(result, { job_type: 'validate_raster_job', valid: true, ...found, errors: [], ...tail(1, 1) });
  assert.equal(Object.keys(result)[0], 'job_type');
  assert.deepEqual(Object.keys(result).slice(-3), Object.keys(tail(1, 1)));
});

test('validate_raster_job: a surface of 64 bits without a CRS, and in strict mode', async () => {
  const shape = { width: 60, height: 40, type: 'Float64', nodata: -9999, crs: null, value: hills };
  const file = writeRaster(join(folder, 'no-crs.tif'), shape);
  const raster = await stack.upload(file, 'results/no-crs.tif');
  const parameters = { input_crs: 'EPSG:32633', raster_type: 'dem' };
  const wide = {
    code: 'INEFFICIENT_BIT_DEPTH',
    severity: 'warning',
    message: 'Float64 takes twice the space; 32 bits are enough for most measurements',
  };
  const lerc = services.gdal.capabilities.cogCompressions.includes('LERC_DEFLATE');
  const surface = {
    job_type: 'validate_raster_job',
    ...{ source_blob: raster.name, source_container: container, band_count: 1, dtype: 'float64', shape: [40, 60] },
    bounds: [500_000, 5_499_600, 500_600, 5_500_000],
    geo_transform: found.geo_transform,
    ...{ source_crs: 'EPSG:32633', crs_source: 'user_override', nodata: -9999, color_interpretation: ['gray'] },
    raster_type: {
      detected_type: 'dem',
      confidence: 0.9,
      evidence: ['1 band of Float64, Gray', 'one band of floating point numbers'],
      optimal_cog_settings: {
        compression: lerc ? 'LERC_DEFLATE' : 'DEFLATE',
        overview_resampling: 'average',
        reproject_resampling: 'bilinear',
      },
    },
    effective_type: 'dem',
    cog_tiers: {
      applicable_tiers: ['analysis', 'archive'],
      incompatible_reason: 'visualization is for 8-bit RGB and RGBA; this is dem with 1 band(s) of Float64',
    },
    bit_depth_check: {
      efficient: false,
      current_dtype: 'float64',
      reason: '64 bits a value; 32 are enough for most measurements',
    },
    warnings: [wide],
    ...tail(1, 1),
  };
  assert.deepEqual((await ran(validateRasterJob, raster, parameters)).result, { ...surface, valid: true, errors: [] });
  const strict = (await ran(validateRasterJob, raster, { ...parameters, strict_mode: true })).result;
  const { errors, ...rest } = strict;
  assert.deepEqual(rest, { ...surface, valid: false });
  assert.deepEqual(
    (errors as JsonObject[]).map(({ code }) => code),
    ['VALIDATION_FAILED'],
  );
  assert.match(JSON.stringify(errors), /INEFFICIENT_BIT_DEPTH/);
  const missing = (await ran(validateRasterJob, raster)).result;
  const [error] = missing.errors as JsonObject[];
  assert.deepEqual(missing, {
    ...{ job_type: 'validate_raster_job', valid: false, source_blob: raster.name, source_container: container },
    errors: [{ code: 'CRS_MISSING', message: error?.message ?? null }],
    ...tail(1, 1),
  });
});

const item = (tier: string) => `results-rgb_cog_${tier}-${digestOf(`results/rgb_cog_${tier}.tif`)}`;

function digestOf(name: string): string {
  const text = JSON.stringify(['system-rasters', container, name]);
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}

/** Of an item that is drawn as it is. */
function links(itemId: string) {
  const place = `https://titiler.example.org/collections/system-rasters/items/${itemId}`;
  return {
    share_url: `${place}/WebMercatorQuad/map.html?assets=data`,
    titiler_urls: {
      viewer_url: `${place}/WebMercatorQuad/map.html?assets=data`,
      tilejson_url: `${place}/WebMercatorQuad/tilejson.json?assets=data`,
      tiles_url: `${place}/tiles/WebMercatorQuad/{z}/{x}/{y}?assets=data`,
      preview_url: `${place}/preview.png?max_size=512&assets=data`,
      thumbnail_url: `${place}/preview.png?max_size=256&assets=data`,
      info_url: `${place}/info?assets=data`,
      bounds_url: null,
      statistics_url: `${place}/statistics?assets=data`,
    },
  };
}

test('process_raster: the result, and what its stages hand on', async () => {
  const { result, outputs } = await ran(processRaster, rgb);
  const [[validation], [made], [stored]] = outputs as [JsonObject[], JsonObject[], JsonObject[]];
  assert.deepEqual(validation, { valid: true, ...found });
  const { size_mb, processing_time_seconds, bounds_4326, item_body, ...cog } = made ?? {};
  const cog_blob = 'results/rgb_cog_analysis.tif';
  const blob = await services.blobs.properties({ container, name: cog_blob });
  assert.equal(size_mb, Math.round(((blob?.sizeBytes ?? 0) / 1_048_576) * 100) / 100);
  assert.ok(Number(processing_time_seconds) > 0);
  const { shape, zoom_range, ...others } = cog;
  assert.deepEqual(others, {
    ...{ cog_blob, cog_container: container, cog_tier: 'analysis', storage_tier: 'Hot' },
    ...{ source_blob: rgb.name, source_container: container, reprojection_performed: true },
    ...{ source_crs: 'EPSG:32633', target_crs: 'EPSG:4326', dtype: 'uint8' },
    ...{ compression: 'DEFLATE', interleave: 'BAND', raster_type: 'rgb', overview_levels: [2] },
    gdal_version: services.gdal.capabilities.version,
  });
  assert.deepEqual(stored, {
    ...{ item_id: item('analysis'), collection_id: 'system-rasters', blob_name: cog_blob, bbox: stored?.bbox },
    ...{ inserted_to_pgstac: true, item_skipped: false, stac_item: stored?.stac_item },
  });
  assert.deepEqual(stored?.stac_item, await services.catalogue.getItem('system-rasters', item('analysis')));
  const bbox = (stored?.bbox ?? []) as number[];
  for (const [index, edge] of [15, 49.598, 15.097, 49.6527].entries()) {
    for (const box of [bounds_4326 as number[], bbox]) {
      assert.ok(Math.abs((box[index] ?? 0) - edge) < 0.001, `${box}`);
    }
  }
  assert.ok(item_body);
  // 10 m are 15.4 m of Web Mercator at 49.6 degrees, between the 19.1 m of zoom 13 and the 9.6 m of 14.
  assert.deepEqual(zoom_range, [11, 13]);
  assert.match(JSON.stringify(stored?.stac_item), new RegExp(`"proj:shape":\\[${shape}\\]`));
  assert.deepEqual(result, {
    ...{ job_type: 'process_raster', source_blob: rgb.name, source_container: container },
    validation: {
      ...{ warnings: [], raster_type: 'rgb', confidence: 1, source_crs: 'EPSG:32633', bit_depth_efficient: true },
    },
    cog: {
      ...{ cog_blob, cog_container: container, size_mb, compression: 'DEFLATE', reprojection_performed: true },
      processing_time_seconds,
    },
    stac: {
      ...{ item_id: item('analysis'), collection_id: 'system-rasters', bbox: stored?.bbox },
      ...{ inserted_to_pgstac: true, ready_for_titiler: true },
    },
    ...links(item('analysis')),
    ...tail(3, 3),
  });
});

test('process_raster: all tiers are listed, the first one is the COG of the result', async () => {
  const { result, outputs } = await ran(processRaster, rgb, { output_tier: 'all', target_crs: 'EPSG:32633' });
  const tiers = [
    ['visualization', 'JPEG', 'PIXEL', 'Hot'],
    ['analysis', 'DEFLATE', 'BAND', 'Hot'],
    ['archive', 'LZW', 'BAND', 'Cool'],
  ] as const;
  const made = outputs[1] ?? [];
  assert.deepEqual(
    made.map((cog) => [cog.cog_tier, cog.compression, cog.interleave, cog.storage_tier]),
    tiers,
  );
  const cogs = tiers.map(([tier, compression], index) => ({
    ...{ cog_tier: tier, cog_blob: `results/rgb_cog_${tier}.tif`, cog_container: container, compression },
    ...{ reprojection_performed: false, size_mb: made[index]?.size_mb },
    processing_time_seconds: made[index]?.processing_time_seconds,
  }));
  const { cog_tier: _first, ...cog } = cogs[0] ?? {};
  assert.deepEqual([result.cogs, result.cog], [cogs, cog]);
  assert.equal((result.stac as JsonObject).item_id, item('visualization'));
  const { share_url, titiler_urls } = result;
  assert.deepEqual({ share_url, titiler_urls }, links(item('visualization')));
  assert.deepEqual(Object.keys(result), [
    ...['job_type', 'source_blob', 'source_container', 'validation', 'cog', 'cogs', 'stac'],
    ...['share_url', 'titiler_urls', 'stages_completed', 'total_tasks_executed', 'tasks_by_status'],
  ]);
  assert.equal(result.total_tasks_executed, 7);
});

test('stac_catalog_raster: the keys of the item, flat', async () => {
  const { result } = await ran(stacCatalogRaster, rgb, { item_id: 'as-it-is', collection_id: 'c-2' });
  const stac_item = await services.catalogue.getItem('c-2', 'as-it-is');
  assert.deepEqual(result, {
    ...{ job_type: 'stac_catalog_raster', item_id: 'as-it-is', collection_id: 'c-2', blob_name: rgb.name },
    ...{ bbox: stac_item?.bbox, inserted_to_pgstac: true, item_skipped: false, stac_item },
    ...tail(1, 1),
  });
});
