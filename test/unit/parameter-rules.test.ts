import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { parseParameters } from '../../core/machine/parameters.ts';
import { ingestVector } from '../../jobs/ingest-vector.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';
import { stacCatalogRaster } from '../../jobs/stac-catalog-raster.ts';
import { stacCatalogVectors } from '../../jobs/stac-catalog-vectors.ts';
import { validateRasterJob } from '../../jobs/validate-raster-job.ts';

function pathsOf(parameters: JsonObject, job: JobDefinition = ingestVector): string[] {
  try {
    parseParameters(job, { container_name: 'bronze', ...parameters });
    return [];
  } catch (error) {
    assert.ok(error instanceof CoreMachineError && error.code === 'INVALID_PARAMETERS');
    return (error.details ?? []).map(({ path }) => String(path)).sort();
  }
}

test('the format is told by the file name, or given', () => {
  assert.deepEqual(pathsOf({ blob_name: 'a.gpkg' }), []);
  assert.deepEqual(pathsOf({ blob_name: 'a.CSV' }), []);
  assert.deepEqual(pathsOf({ blob_name: 'a.txt', file_extension: '.CSV' }), []);
  assert.deepEqual(pathsOf({ blob_name: 'a.txt' }), ['file_extension']);
});

test('columns of places: both or none, or WKT instead, and of CSV files alone', () => {
  assert.deepEqual(pathsOf({ blob_name: 'a.csv', lat_name: 'y', lon_name: 'x' }), []);
  assert.deepEqual(pathsOf({ blob_name: 'a.csv', wkt_column: 'w' }), []);
  assert.deepEqual(pathsOf({ blob_name: 'a.csv', lat_name: 'y' }), ['lon_name']);
  assert.deepEqual(pathsOf({ blob_name: 'a.csv', lat_name: 'y', lon_name: 'x', wkt_column: 'w' }), ['wkt_column']);
  assert.deepEqual(pathsOf({ blob_name: 'a.gpkg', lat_name: 'y', lon_name: 'x' }), ['lat_name', 'lon_name']);
});

test('such rules are asked beside all others: one answer has every problem', () => {
  const wrong = { blob_name: 'a.txt', lat_name: 'y', chunk_size: 1, speed: 9 };
  assert.deepEqual(pathsOf(wrong), ['chunk_size', 'file_extension', 'lon_name', 'speed']);
  assert.deepEqual(pathsOf({ wkt_column: 'w', chunk_size: 1 }), ['blob_name', 'chunk_size']);
});

test('the overlap of tiles is less than half a tile', () => {
  const of = (parameters: JsonObject) => pathsOf({ blob_name: 'a.tif', ...parameters }, processLargeRaster);
  assert.deepEqual(of({ tile_size: 512, overlap: 255 }), []);
  assert.deepEqual(of({ overlap: 4096 }), []);
  assert.deepEqual(of({ tile_size: 512, overlap: 256 }), ['overlap']);
  assert.deepEqual(of({ tile_size: 512, overlap: 256, speed: 1 }), ['overlap', 'speed']);
});

test('blanks are part of a blob’s name; a name of blanks alone is none', () => {
  const parsed = (job: JobDefinition, body: JsonObject) =>
    parseParameters(job, { ...(job !== stacCatalogVectors && { container_name: 'bronze' }), ...body }).parameters;
  const named = [processRaster, processLargeRaster, validateRasterJob, stacCatalogRaster, ingestVector];
  for (const job of named) {
    const extra = job === ingestVector ? { file_extension: 'csv' } : {};
    const blob_name = '\u00a0 leading space.tif';
    assert.equal(parsed(job, { ...extra, blob_name }).blob_name, blob_name, job.name);
    assert.deepEqual(pathsOf({ ...extra, blob_name: '' }, job).includes('blob_name'), true, job.name);
    assert.deepEqual(pathsOf({ ...extra, blob_name: ' \t ' }, job).includes('blob_name'), true, job.name);
  }
  const trailing = 'table.gpkg ';
  assert.equal(parsed(stacCatalogRaster, { blob_name: trailing }).blob_name, trailing);
  const blob_list = [' a.tif', 'a.tif'];
  const collection = parsed(processRasterCollection, { blob_list, collection_id: 'two' });
  assert.deepEqual(collection.blob_list, blob_list);
  const source = { table_name: 'roads', source_file: 'bronze/ a.gpkg ' };
  assert.equal(parsed(stacCatalogVectors, source).source_file, source.source_file);
});
