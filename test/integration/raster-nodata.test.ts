import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import {
  assertSamePixels,
  assertSamePlace,
  assertSound,
  assertStatistics,
  described,
  warpedIn,
} from '../tools/cog-checks.ts';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
import { hills, writeRaster } from '../tools/gdal-files.ts';
import { pixelsOf, rasterJobs } from '../tools/raster-jobs.ts';

const jobs = await rasterJobs();
const { folder, services } = jobs.stack;
const path = (name: string) => join(folder, name);
const byGdalwarp = warpedIn(folder);

/** A COG of `file`, and gdalinfo's view of it. */
async function made(file: string, parameters: JsonObject) {
  const { cogs } = await jobs.convert(file, parameters);
  const [cog] = cogs;
  assert.ok(cog);
  return { cog, info: await gdalinfo(cog.file) };
}

/** Holes beside the edge, and in the second band alone. */
const holed = (x: number, y: number, band: number) => x < 50 || (band === 2 && Math.hypot(x - 400, y - 300) < 60.5);

for (const bands of [1, 2]) {
  test(`nodata, scale, offset, unit, descriptions, time and colour interpretation of ${bands} are kept`, async () => {
    const plain = writeRaster(path(`plain-${bands}.tif`), {
      ...{ width: 800, height: 600, bands, type: 'Int16', nodata: -9999 },
      value: (x, y, band) => (holed(x, y, band) ? -9999 : hills(x, y, band)),
    });
    const file = await described(plain, folder);
    for (const target_crs of ['EPSG:32633', 'EPSG:4326']) {
      const { cog, info } = await made(file, { target_crs });
      await assertSound(services.blobs, cog, 'analysis');
      assert.equal(info.metadata['']?.TIFFTAG_DATETIME, '2021:06:05 10:20:30');
      assert.equal(info.bands.length, bands);
      for (const [index, band] of info.bands.entries()) {
        assert.deepEqual([band.noDataValue, band.scale, band.offset], [-9999, 0.01, 5], target_crs);
        assert.equal(band.description, ['first', 'second'][index]);
        // Bilinear values lie between their neighbours: one that is lower has nodata in it.
        assert.ok(Number(band.metadata['']?.STATISTICS_MINIMUM) >= lowest(plain, index), `band ${index + 1}`);
        assert.ok(lowest(cog.file, index) >= lowest(plain, index), `band ${index + 1} of ${target_crs}`);
      }
      await assertStatistics(cog.file);
      if (target_crs === 'EPSG:32633') assertSameFile(cog.file, plain);
      else assertSamePixels(cog.file, await byGdalwarp(file, ['-r', 'bilinear', ...nodataFlags('-9999')]));
      assert.match(JSON.stringify(cog.item), /2021-06-05T10:20:30/);
    }
  });
}

/** Each band by itself: with -srcnodata alone gdalwarp takes a pixel for valid, nodata and all, where one band has a value. */
const nodataFlags = (value: string) => ['-srcnodata', value, '-dstnodata', value, '-wo', 'UNIFIED_SRC_NODATA=NO'];

function lowest(file: string, band: number): number {
  const { bands, masks } = pixelsOf(file);
  const valid = Array.from(bands[band] ?? []).filter((_, pixel) => masks[band]?.[pixel]);
  assert.ok(valid.length > 0);
  return valid.reduce((a, b) => Math.min(a, b));
}

/** Every value as it was, also of pixels that are invalid. */
function assertSameFile(cog: string, source: string): void {
  assertSamePlace(cog, source);
  assert.deepEqual(pixelsOf(cog), pixelsOf(source));
}

test('NaN as nodata, and NaN without nodata', async () => {
  const value = (x: number, y: number) => (x + y < 300 ? Number.NaN : 0.5 * hills(x, y, 1));
  for (const nodata of [Number.NaN, undefined]) {
    const shape = { width: 600, height: 600, type: 'Float32', value };
    const file = writeRaster(path(`nan-${nodata}.tif`), { ...shape, ...(nodata !== undefined && { nodata }) });
    const flags = nodata === undefined ? ['-dstalpha'] : nodataFlags('nan');
    for (const target_crs of ['EPSG:32633', 'EPSG:4326']) {
      const { cog, info } = await made(file, { target_crs });
      await assertSound(services.blobs, cog, 'analysis');
      if (nodata !== undefined) assert.equal(info.bands[0]?.noDataValue, 'NaN');
      const { bands, masks } = pixelsOf(cog.file);
      const zeros = Array.from(bands[0] ?? []).filter((one, pixel) => masks[0]?.[pixel] && one === 0);
      assert.equal(zeros.length, 0, 'no false zeros');
      await assertStatistics(cog.file);
      if (target_crs === 'EPSG:32633') assertSameFile(cog.file, file);
      else assertSamePixels(cog.file, await byGdalwarp(file, ['-r', 'bilinear', ...flags]));
    }
  }
});

test('a mask in the source stays a mask', async () => {
  const file = path('masked.tif');
  const alpha = writeRaster(path('for-mask.tif'), {
    width: 700,
    height: 500,
    bands: 4,
    options: ['PHOTOMETRIC=RGB', 'ALPHA=YES'],
    value: (x, y, band) => (band === 4 ? (y < 80 ? 0 : 255) : hills(x, y, band)),
  });
  await gdalCli('gdal_translate', [
    '-q',
    '--config',
    'GDAL_TIFF_INTERNAL_MASK',
    'YES',
    '-b',
    '1',
    '-b',
    '2',
    '-b',
    '3',
    '-mask',
    '4',
    alpha,
    file,
  ]);
  for (const parameters of [
    { target_crs: 'EPSG:32633' },
    { target_crs: 'EPSG:4326' },
    { output_tier: 'visualization' },
  ]) {
    const { cog, info } = await made(file, parameters);
    await assertSound(services.blobs, cog, parameters.output_tier ?? 'analysis');
    assert.deepEqual([info.bands.length, info.bands[0]?.mask?.flags], [3, ['PER_DATASET']]);
    await assertStatistics(cog.file, parameters.output_tier);
    if (parameters.target_crs === 'EPSG:32633') assertSameFile(cog.file, file);
    else {
      const theirs = await byGdalwarp(file, ['-r', 'cubic', '-dstalpha']);
      if (parameters.output_tier === undefined) assertSamePixels(cog.file, theirs);
      assertSamePlace(cog.file, theirs);
      assert.deepEqual(pixelsOf(cog.file).masks, pixelsOf(theirs).masks.slice(0, 3));
    }
  }
});

test('a picture with nodata: JPEG blurs values, so what is invalid is told by a mask', async () => {
  const value = (x: number, y: number, band: number) => (x < 101 ? 0 : 150 + (hills(x, y, band) % 50));
  const file = writeRaster(path('rgb-nodata.tif'), {
    width: 700,
    height: 500,
    bands: 3,
    nodata: 0,
    options: ['PHOTOMETRIC=RGB'],
    value,
  });
  for (const target_crs of ['EPSG:32633', 'EPSG:4326']) {
    const { cog } = await made(file, { output_tier: 'visualization', target_crs });
    await assertSound(services.blobs, cog, 'visualization');
    const { bands, masks } = pixelsOf(cog.file);
    const dark = Array.from(bands[0] ?? []).filter((one, pixel) => masks[0]?.[pixel] && one < 60);
    assert.equal(dark.length, 0, 'no dark pixel counts as valid');
    await assertStatistics(cog.file, 'visualization');
    // What is invalid in the source is invalid in the COG, and nothing else.
    if (target_crs === 'EPSG:32633') assert.deepEqual(masks[0], pixelsOf(file).masks[0]);
    assert.equal(cog.reprojection_performed, target_crs !== 'EPSG:32633');
  }
});
