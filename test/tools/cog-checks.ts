import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import gdal from 'gdal-async';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import { gdalCli, gdalinfo } from './gdal-cli.ts';
import { levelsOf } from './gdal-files.ts';
import { type Cog, pixelsOf } from './raster-jobs.ts';

/** What has to hold for every COG, besides what rio cogeo looks at. */
export async function assertSound(blobs: BlobStore, cog: Cog, tier: string): Promise<void> {
  const info = await gdalinfo(cog.file);
  assert.equal(info.driverShortName, 'GTiff');
  assert.equal(info.metadata.IMAGE_STRUCTURE?.COMPRESSION?.replace('YCbCr ', ''), cog.compression);
  assert.equal(info.metadata.IMAGE_STRUCTURE?.INTERLEAVE ?? 'BAND', info.bands.length === 1 ? 'BAND' : cog.interleave);
  for (const band of info.bands) {
    assert.deepEqual(band.block, [512, 512]);
    const [width, height] = band.overviews?.at(-1)?.size ?? info.size;
    assert.ok(width <= 512 && height <= 512, `the last overview has ${width} x ${height}`);
    assert.equal(band.overviews?.length ?? 0, cog.overview_levels.length);
  }
  assert.deepEqual(cog.shape, [info.size[1], info.size[0]]);
  assert.equal(cog.cog_tier, tier);
  const stored = await blobs.properties({ container: cog.cog_container, name: cog.cog_blob });
  assert.equal(stored?.accessTier, tier === 'archive' ? 'Cool' : 'Hot');
  assert.equal(cog.storage_tier, stored?.accessTier);
  assert.match(stored?.contentType ?? '', /^image\/tiff; application=geotiff; profile=cloud-optimized$/);
}

/** The statistics in the file are those of its valid pixels; of a lossy one nearly, for they are of the pixels that went in. */
export async function assertStatistics(file: string, tier = 'analysis'): Promise<void> {
  const { bands: found } = await gdalinfo(file);
  const { bands, masks } = pixelsOf(file);
  for (const [index, band] of bands.entries()) {
    if (found[index]?.colorInterpretation === 'Alpha') continue;
    const valid = Array.from(band).filter((value, pixel) => masks[index]?.[pixel] && !Number.isNaN(value));
    const mean = valid.reduce((sum, value) => sum + value, 0) / valid.length;
    const deviation = Math.sqrt(valid.reduce((sum, value) => sum + (value - mean) ** 2, 0) / valid.length);
    const lossy = tier === 'visualization';
    const exact = { MINIMUM: min(valid), MAXIMUM: max(valid), STDDEV: deviation };
    const computed = { MEAN: mean, ...(!lossy && exact) };
    const tolerance = lossy ? 0.02 : 1e-6;
    for (const [name, value] of Object.entries(computed)) {
      const stored = Number(found[index]?.metadata['']?.[`STATISTICS_${name}`]);
      assert.ok(
        Math.abs(stored - value) <= tolerance * Math.max(1, Math.abs(value)),
        `band ${index + 1} ${name}: ${stored}, not ${value}`,
      );
    }
  }
}

const min = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const max = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

/** A maker of the files that gdalwarp itself writes, in `folder`. */
export function warpedIn(folder: string) {
  return async (file: string, flags: readonly string[], target = 'EPSG:4326'): Promise<string> => {
    const digest = createHash('sha1').update(`${file} ${flags} ${target}`).digest('hex');
    const output = join(folder, `warped-${digest}.tif`);
    await gdalCli('gdalwarp', ['-q', '-overwrite', '-t_srs', target, ...flags, file, output]);
    return output;
  };
}

/** Of a pixel: what rounding may move a corner by. */
const mostMoved = 1e-9;

/** Two files of one size cover the same ground in the same CRS. */
export function assertSamePlace(file: string, other: string): void {
  const [mine, theirs] = [placeOf(file), placeOf(other)];
  assert.ok(mine.srs?.isSame(theirs.srs as gdal.SpatialReference), `${mine.srs?.toWKT()}, not ${theirs.srs?.toWKT()}`);
  for (const [index, corner] of mine.corners.entries()) {
    const moved = Math.abs(corner - (theirs.corners[index] ?? Number.NaN));
    assert.ok(moved <= mostMoved * mine.pixel, `${mine.corners}, not ${theirs.corners}`);
  }
}

/** The upper left corner and its opposite, which tells of the sides of the pixels too. */
function placeOf(file: string) {
  const dataset = gdal.open(file);
  const { rasterSize, geoTransform, srs } = dataset;
  dataset.close();
  const [left = 0, dx = 0, rx = 0, top = 0, ry = 0, dy = 0] = geoTransform ?? [];
  const { x, y } = rasterSize;
  const corners = [left, top, left + x * dx + y * rx, top + x * ry + y * dy];
  return { srs, corners, pixel: Math.min(Math.hypot(dx, ry), Math.hypot(rx, dy)) };
}

/**
 * The COG lies where gdalwarp's file does, and has the same values where that one says that there is something, by nodata,
 * a mask or an alpha band that gdalwarp added; elsewhere it is invalid.
 */
export function assertSamePixels(cog: string, warped: string): void {
  assertSamePlace(cog, warped);
  const [mine, other] = [pixelsOf(cog), pixelsOf(warped)];
  assert.deepEqual([mine.width, mine.height, colorsOf(cog)], [other.width, other.height, colorsOf(warped)]);
  // GDAL makes masks of alpha bands only beside one or three others, and not of floating point ones.
  const added = other.bands.length > mine.bands.length ? other.bands.at(-1) : undefined;
  for (const [index, band] of mine.bands.entries()) {
    const [mask, values] = [added ?? other.masks[index], other.bands[index]];
    for (let pixel = 0; pixel < band.length; pixel += 1) {
      const [valid, expected] = [mine.masks[index]?.[pixel] !== 0, mask?.[pixel] !== 0];
      if (valid !== expected || (valid && !Object.is(band[pixel], values?.[pixel]))) {
        const [found, wanted] = [`${band[pixel]} (${valid})`, `${values?.[pixel]} (${expected})`];
        assert.fail(`band ${index + 1}, pixel ${pixel}: ${found}, gdalwarp ${wanted}`);
      }
    }
  }
}

/** How many bands it has besides alpha. */
function colorsOf(file: string): number {
  const dataset = gdal.open(file);
  const colors = dataset.bands.map((band) => band.colorInterpretation).filter((color) => color !== gdal.GCI_AlphaBand);
  dataset.close();
  return colors.length;
}

/** Pixels, alpha, masks and overviews are those that GDAL's own programs make: gdaladdo with `resampling` on `warped`. */
export async function assertSameLevels(cog: string, warped: string, resampling: string): Promise<void> {
  assertSamePlace(cog, warped);
  const [mine, { bands }] = [await gdalinfo(cog), await gdalinfo(warped)];
  const expected = cog.replace(/\.tif$/, '-by-programs.tif');
  const colors = bands.slice(0, mine.bands.length).flatMap(({ band }) => ['-b', String(band)]);
  const mask = bands.length > mine.bands.length ? ['-mask', String(bands.length)] : [];
  const internal = ['--config', 'GDAL_TIFF_INTERNAL_MASK', 'YES'];
  await gdalCli('gdal_translate', ['-q', ...internal, ...colors, ...mask, warped, expected]);
  const levels = (mine.bands[0]?.overviews ?? []).map((_, index) => String(2 ** (index + 1)));
  assert.ok(levels.length > 0, `${cog} has no overviews`);
  await gdalCli('gdaladdo', ['-q', '-r', resampling, expected, ...levels]);
  const theirs = levelsOf(expected);
  for (const [index, level] of levelsOf(cog).entries()) {
    assertSameValues(level.mask, theirs[index]?.mask ?? [], `mask ${index}`);
    assertSameValues(level.pixels, theirs[index]?.pixels ?? [], `pixels ${index}`);
  }
}

/** Not by deepEqual, which takes minutes to word how a million values differ. */
function assertSameValues(mine: readonly number[], theirs: readonly number[], what: string): void {
  const at = mine.findIndex((value, index) => !Object.is(value, theirs[index]));
  assert.ok(at < 0, `${what} at ${at}: ${mine[at]}, not ${theirs[at]}`);
  assert.equal(mine.length, theirs.length, what);
}

/** A copy with scale, offset, descriptions and a time. */
export async function described(file: string, folder: string): Promise<string> {
  const output = join(folder, 'described.tif');
  const vrt = join(folder, 'described.vrt');
  await gdalCli('gdal_translate', [
    '-q',
    '-of',
    'VRT',
    '-a_scale',
    '0.01',
    '-a_offset',
    '5',
    '-mo',
    'TIFFTAG_DATETIME=2021:06:05 10:20:30',
    file,
    vrt,
  ]);
  const text = await readFile(vrt, 'utf8');
  const names = ['first', 'second'];
  const named = text.replaceAll(/<VRTRasterBand [^>]*>/g, (tag) => `${tag}<Description>${names.shift()}</Description>`);
  await writeFile(vrt, named);
  await gdalCli('gdal_translate', ['-q', vrt, output]);
  return output;
}
