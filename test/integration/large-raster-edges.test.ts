import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import gdal from 'gdal-async';
import type { ErrorCode } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
import { truncate, writeRaster } from '../tools/gdal-files.ts';
import { assertSeamless, largeJobs, type Tiled, wholeWarp, windowsOf } from '../tools/large-raster.ts';
import { JobFailure, pixelsOf } from '../tools/raster-jobs.ts';

const jobs = await largeJobs();
const { services } = jobs.stack;
const path = (name: string) => join(jobs.stack.folder, name);

const hills = (x: number, y: number, band: number) =>
  Math.round(90 + 60 * Math.sin((x + 40 * band) / 90) * Math.cos(y / 70) + ((x * 7 + y * 13) % 11));

const rgb = (name: string, width = 1100, height = 800) =>
  writeRaster(path(name), { width, height, bands: 3, value: hills, options: ['PHOTOMETRIC=RGB'] });

async function translated(file: string, name: string, flags: readonly string[]): Promise<string> {
  await gdalCli('gdal_translate', ['-q', ...flags, file, path(name)]);
  return path(name);
}

async function refused(file: string, code: ErrorCode, parameters: JsonObject = {}): Promise<JobFailure> {
  const failure = await jobs.tile(file, parameters).catch((error: unknown) => error);
  assert.ok(failure instanceof JobFailure, `${file} became tiles`);
  assert.equal(failure.code, code, failure.message);
  return failure;
}

/** The same pixels in the same place, and not a word of what the place is in. */
function withoutCrs(file: string, name: string): string {
  const source = gdal.open(file);
  const { x: width, y: height } = source.rasterSize;
  const count = source.bands.count();
  const copy = gdal.open(path(name), 'w', 'GTiff', width, height, count, 'Byte', ['TILED=YES', 'PHOTOMETRIC=RGB']);
  copy.geoTransform = source.geoTransform ?? [];
  for (let band = 1; band <= count; band += 1) {
    const pixels = source.bands.get(band).pixels.read(0, 0, width, height) as Uint8Array;
    copy.bands.get(band).pixels.write(0, 0, width, height, pixels);
  }
  copy.close();
  source.close();
  return path(name);
}

test('no CRS: refused; with input_crs it goes on', async () => {
  const known = rgb('with-crs.tif');
  const file = withoutCrs(known, 'no-crs.tif');
  await refused(file, 'CRS_MISSING', { tile_size: 512 });
  const tiled = await jobs.tile(file, { tile_size: 512, input_crs: 'EPSG:32633' });
  await assertSeamless(tiled, await wholeWarp(known, tiled, 'EPSG:4326', ['-r', 'cubic', '-dstalpha']), true);
});

test('a truncated file is refused before a tile is made', async () => {
  const file = await truncate(rgb('whole.tif'), path('truncated.tif'), 0.7);
  await refused(file, 'FILE_UNREADABLE', { tile_size: 512 });
});

test('a raster without a valid pixel is refused in plain words', async () => {
  const file = writeRaster(path('nothing.tif'), { width: 700, height: 600, nodata: 0, value: () => 0 });
  const { message } = await refused(file, 'RASTER_UNSUPPORTED', { tile_size: 512 });
  assert.match(message, /no valid pixel/);
});

test('absurd grids are refused with the size that would do', async () => {
  const file = path('huge.tif');
  const options = ['TILED=YES', 'SPARSE_OK=TRUE', 'COMPRESS=DEFLATE', 'BIGTIFF=YES'];
  const dataset = gdal.open(file, 'w', 'GTiff', 90_000, 90_000, 1, 'Byte', options);
  dataset.srs = gdal.SpatialReference.fromUserInput('EPSG:32633');
  dataset.geoTransform = [300_000, 1, 0, 5_500_000, 0, -1];
  dataset.close();
  const { message } = await refused(file, 'RASTER_UNSUPPORTED', { tile_size: 256, target_crs: 'EPSG:32633' });
  assert.match(message, /123904 tiles, more than 100000; give a tile_size of at least 512/);
});

test('a tiny raster is one tile', async () => {
  const file = writeRaster(path('tiny.tif'), { width: 3, height: 2, type: 'Float32', value: (x) => x });
  const tiled = await jobs.tile(file);
  assert.deepEqual([tiled.scheme.grid_dimensions, tiled.cogs.length], ['1x1', 1]);
  await assertSeamless(tiled, await wholeWarp(file, tiled, 'EPSG:4326', ['-r', 'bilinear', '-dstalpha']), true);
});

test('a rotated raster: the corners of its grid hold nothing, and tiles there are not made', async () => {
  const plain = writeRaster(path('square.tif'), { width: 2000, height: 2000, value: hills });
  const vrt = await translated(plain, 'rotated.vrt', ['-of', 'VRT']);
  const file = await translated(vrt, 'rotated.tif', ['-co', 'TILED=YES', '-a_srs', 'EPSG:32633', '-a_nodata', 'none']);
  const dataset = gdal.open(file, 'r+');
  dataset.geoTransform = [500_000, 7, 7, 5_500_000, 7, -7];
  dataset.close();
  const tiled = await jobs.tile(file, { tile_size: 512, target_crs: 'EPSG:32633', raster_type: 'rgb' });
  const all = Number(tiled.scheme.tile_count);
  assert.ok(tiled.cogs.length < all, `${tiled.cogs.length} of ${all}`);
  // Of a rotated raster GDAL makes chunks whose kernels differ, whatever memory it has: it is told the kernel's width.
  const [across, down] = tiled.scheme.tiling.scale;
  const kernel = ['-wo', `XSCALE=${across}`, '-wo', `YSCALE=${down}`];
  await assertSeamless(
    tiled,
    await wholeWarp(file, tiled, 'EPSG:32633', ['-r', 'cubic', '-dstalpha', ...kernel]),
    true,
  );
});

test('RGBA: alpha says which tiles there are', async () => {
  const file = writeRaster(path('rgba.tif'), {
    ...{ width: 1600, height: 1100, bands: 4, options: ['PHOTOMETRIC=RGB', 'ALPHA=YES'] },
    value: (x, y, band) => (band === 4 ? (x + y < 1000 ? 255 : 0) : hills(x, y, band)),
  });
  const tiled = await jobs.tile(file, { tile_size: 512 });
  assert.ok(tiled.cogs.length < tiled.scheme.tile_count);
  await assertSeamless(tiled, await wholeWarp(file, tiled, 'EPSG:4326', ['-r', 'cubic']), true);
});

test('PNG, which is read from its beginning only: one copy, the same pixels', async () => {
  const file = rgb('plain.tif');
  const png = await translated(file, 'picture.png', ['-of', 'PNG', '-co', 'WORLDFILE=YES']);
  const blob = await jobs.stack.upload(png, 'png/picture.png');
  await jobs.stack.upload(path('picture.wld'), 'png/picture.wld');
  const tiled = await jobs.tileBlob(blob, { tile_size: 512, input_crs: 'EPSG:32633', target_crs: 'EPSG:32633' });
  assert.equal(tiled.scheme.source_access, 'prepared');
  assert.equal(tiled.cogs.length, 6);
  await assertSeamless(tiled, file, false);
});

test('over the antimeridian: tiles end and begin there, with all pixels, the ones beyond it brought back', async () => {
  const file = await translated(rgb('pacific-plain.tif', 1400, 600), 'pacific.tif', [
    ...['-a_srs', 'EPSG:32760', '-a_ullr', '811000', '8000000', '825000', '7994000', '-co', 'TILED=YES'],
  ]);
  const tiled = await jobs.tile(file, { tile_size: 512 });
  await assertWithinDegrees(tiled);
  const beyond = '+proj=longlat +datum=WGS84 +lon_wrap=180 +no_defs +type=crs';
  await assertSeamless(tiled, await wholeWarp(file, tiled, beyond, ['-r', 'cubic', '-dstalpha']), true);
  const { features } = tiled.document as { features: { geometry: { type: string } }[] };
  for (const { geometry } of features) assert.equal(geometry.type, 'Polygon');
  const inNewZealands = await jobs.tile(file, { tile_size: 512, target_crs: 'EPSG:4167' });
  assert.equal(inNewZealands.scheme.grid_dimensions, tiled.scheme.grid_dimensions);
  await assertWithinDegrees(inNewZealands);
});

test('degrees that go on beyond the antimeridian: the same pixels, the tiles beyond it brought back', async () => {
  for (const [name, west] of [
    ['eastwards', 179.7],
    ['westwards', -180.7],
  ] as const) {
    const corners = [west, -16, west + 1, -16.5].map(String);
    const file = await translated(rgb(`${name}-plain.tif`, 1000, 500), `${name}.tif`, [
      ...['-a_srs', 'EPSG:4326', '-a_ullr', ...corners, '-co', 'TILED=YES'],
    ]);
    const tiled = await jobs.tile(file, { tile_size: 512 });
    assert.equal(tiled.scheme.grid_dimensions, '3x1');
    await assertWithinDegrees(tiled);
    await assertSeamless(tiled, file, false);
  }
});

/** On both sides of the antimeridian, by the COGs' own words. */
async function assertWithinDegrees({ cogs }: Tiled): Promise<void> {
  const infos = await Promise.all(cogs.map(({ file }) => gdalinfo(file)));
  const ends = infos.map(({ geoTransform, size }) => {
    const [left = 0, dx = 0] = geoTransform ?? [];
    return [left, left + (size[0] ?? 0) * dx] as const;
  });
  for (const [west, east] of ends) assert.ok(west > -180 - 1e-9 && east < 180 + 1e-9, `${west} to ${east}`);
  assert.ok(ends.some(([west]) => west > 179) && ends.some(([, east]) => east < -179), String(ends));
  for (const { bounds_4326 } of cogs) assert.ok((bounds_4326[0] ?? 0) < (bounds_4326[2] ?? 0), String(bounds_4326));
}

test('the visualization tier: JPEG, and a mask inside of every tile that says what a whole warp holds', async () => {
  const file = rgb('picture.tif');
  const tiled = await jobs.tile(file, { tile_size: 512, output_tier: 'visualization' });
  const whole = pixelsOf(await wholeWarp(file, tiled, 'EPSG:4326', ['-r', 'cubic', '-dstalpha']));
  const alpha = whole.bands.at(-1);
  const { grid } = tiled.scheme.tiling;
  let outside = 0;
  for (const cog of tiled.cogs) {
    assert.equal(cog.compression, 'JPEG');
    const { bands, geoTransform } = await gdalinfo(cog.file);
    for (const { mask } of bands) assert.deepEqual(mask?.flags, ['PER_DATASET']);
    const [left = 0, , , top = 0] = geoTransform ?? [];
    const [column, row] = [Math.round((left - grid.left) / grid.dx), Math.round((grid.top - top) / grid.dy)];
    const { width, masks } = pixelsOf(cog.file);
    for (const [pixel, value] of Array.from(masks[0] ?? []).entries()) {
      const there = (row + Math.floor(pixel / width)) * whole.width + column + (pixel % width);
      assert.equal(value !== 0, alpha?.[there] !== 0, `${cog.id}, pixel ${pixel}`);
      if (value === 0) outside += 1;
    }
  }
  assert.ok(outside > 0, 'the edges of a warped raster hold nothing');
});

test('after a failure no window is left', async () => {
  const strips = await translated(rgb('strips-plain.tif'), 'strips.tif', ['-co', 'BLOCKYSIZE=8']);
  const blob = await jobs.stack.upload(strips, 'failing/strips.tif');
  const place = { container_name: blob.container, blob_name: blob.name, tile_size: 512 };
  let most = 0;
  const windows = { prefix: 'work/' };
  const instants = async (_: string, { jobId, stage }: { jobId: string; stage: number }) => {
    if (stage === 2) most = Math.max(most, (await windowsOf(jobs.stack, jobId)).length);
  };
  // A name that blob storage refuses: every COG is made and none can be stored.
  const broken = { ...services, settings: { ...services.settings, cogContainer: 'Not-A-Name' } };
  const { job } = await runJob(processLargeRaster, place, { services: broken, instants });
  assert.deepEqual([job.status, job.error?.code], ['failed', 'ALL_TASKS_FAILED']);
  assert.ok(most > 0, `no window was seen under ${windows.prefix}`);
  assert.deepEqual(await windowsOf(jobs.stack, job.jobId), []);
});

test('parameters: overlap against tile_size, limits, an unknown one', async () => {
  const blob = await jobs.stack.upload(rgb('small.tif', 300, 300), 'parameters/small.tif');
  const submit = (more: JsonObject) => jobs.tileBlob(blob, more);
  await assert.rejects(submit({ tile_size: 512, overlap: 256 }), { code: 'INVALID_PARAMETERS' });
  await assert.rejects(submit({ tile_size: 100 }), { code: 'INVALID_PARAMETERS' });
  await assert.rejects(submit({ output_tier: 'all' }), { code: 'INVALID_PARAMETERS' });
  await assert.rejects(submit({ tiles: 3 }), { code: 'INVALID_PARAMETERS' });
  const missing = { ...blob, name: 'parameters/none.tif' };
  await assert.rejects(jobs.tileBlob(missing), { code: 'FILE_NOT_FOUND' });
});
