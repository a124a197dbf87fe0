import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
import { type TestRaster, writeRaster } from '../tools/gdal-files.ts';
import { pixelsOf, rasterJobs } from '../tools/raster-jobs.ts';

const jobs = await rasterJobs();
const { folder } = jobs.stack;

const surface: TestRaster = { width: 120, height: 90, type: 'Float32', value: (x, y) => 100 + x + y };

/** A surface in a CRS between two corners: left, top, right, bottom. */
async function placed(name: string, crs: string, corners: readonly number[], raster = surface): Promise<string> {
  const plain = writeRaster(join(folder, `plain-of-${name}.tif`), raster);
  const file = join(folder, `${name}.tif`);
  await gdalCli('gdal_translate', ['-q', '-a_srs', crs, '-a_ullr', ...corners.map(String), plain, file]);
  return file;
}

async function converted(file: string, target_crs = 'EPSG:4326') {
  const { cogs } = await jobs.convert(file, { target_crs });
  const [cog] = cogs;
  assert.ok(cog);
  const { size, geoTransform = [] } = await gdalinfo(cog.file);
  const { masks } = pixelsOf(cog.file);
  const valid = Array.from(masks[0] ?? []).filter((value) => value !== 0).length / (size[0] * size[1]);
  return { cog, size, geoTransform, valid, item: cog.item as { bbox: number[] } };
}

const about = (found: number, wanted: number, share: number, what: string) =>
  assert.ok(Math.abs(found - wanted) <= share * Math.abs(wanted), `${what}: ${found}, not about ${wanted}`);

const crossing = [100_000, 8_000_000, 340_000, 7_820_000];

test('a scene over the antimeridian stays in one piece, with all its detail, in every target that ends there', async () => {
  const file = await placed('antimeridian', 'EPSG:32701', crossing);
  const plain = await converted(file);
  about(plain.size[0], 124, 0.05, 'columns in degrees');
  for (const target of ['EPSG:3857', 'EPSG:4269', 'EPSG:4167', 'EPSG:4258', 'EPSG:3395', 'EPSG:4087']) {
    const { cog, size, valid } = await converted(file, target);
    about(size[0], 124, 0.1, `${target} columns`);
    about(size[1], 90, 0.1, `${target} rows`);
    assert.ok(valid > 0.9, `${target} ${valid}`);
    for (const [index, edge] of cog.bounds_4326.entries()) {
      about(edge, plain.cog.bounds_4326[index] ?? 0, 0.001, target);
    }
  }
});

test('the seam of a target lies where its projection ends', async () => {
  const { size, valid } = await converted(await placed('atlantic', 'EPSG:4326', [-33, 12, -27, 7.5]), 'EPSG:3832');
  about(size[0], 120, 0.05, 'columns');
  assert.ok(size[1] > 85 && valid > 0.95, `${size} ${valid}`);
  // Grads, counted from Paris.
  const overSeam = await placed('grads', 'EPSG:32701', [300_000, 8_000_000, 540_000, 7_820_000]);
  await assert.rejects(converted(overSeam, 'EPSG:4807'), { code: 'RASTER_UNSUPPORTED' });
});

test('a raster around the pole keeps its detail in every system of degrees', async () => {
  const file = await placed('pole', 'EPSG:3413', [-300_000, 225_000, 300_000, -225_000]);
  const [inWgs84, inNad83] = [await converted(file), await converted(file, 'EPSG:4269')];
  assert.deepEqual(inNad83.size, inWgs84.size);
  // 5 km pixels: a degree of latitude is 111 km.
  about(inWgs84.size[1], ((90 - (inWgs84.cog.bounds_4326[1] ?? 0)) * 111) / 5, 0.05, 'rows');
  await assert.rejects(converted(file, 'EPSG:6933'), { code: 'RASTER_UNSUPPORTED' });
});

test('the whole world in another Mercator is no coarser than it was', async () => {
  const world = await placed('world', 'EPSG:4326', [-180, 90, 180, -90]);
  const { size, geoTransform } = await converted(world, 'EPSG:3395');
  assert.equal(size[0], 120);
  assert.ok(size[1] >= 120 && size[1] < 360, String(size));
  about(geoTransform[0] ?? 0, -20_037_508, 0.0001, 'left');
  assert.ok((geoTransform[3] ?? 0) < 21_000_000, String(geoTransform));
  const { size: equalArea } = await converted(world, 'EPSG:6933');
  assert.ok(equalArea[0] > 100 && equalArea[1] > 40, String(equalArea));
});

test('rows are kept near a pole as well', async () => {
  for (const [name, corners] of [
    ['beside', [20_000, 120_000, 120_000, 20_000]],
    ['below', [-50_000, -200_000, 50_000, -300_000]],
  ] as const) {
    const square: TestRaster = { ...surface, width: 100, height: 100 };
    const { cog, size, valid } = await converted(await placed(name, 'EPSG:3413', corners, square));
    const [, south = 0, , north = 0] = cog.bounds_4326;
    about(size[1], (north - south) * 111, 0.05, `${name}: rows of a kilometre`);
    assert.ok(size[0] >= 100 && size[0] * size[1] < 64 * 100 * 100, String(size));
    assert.ok(valid > 0.3, String(valid));
  }
});

test('a pole on the edge is not around it', async () => {
  const { cog, item, size } = await converted(await placed('edge', 'EPSG:3031', [-60_000, 90_000, 60_000, 0]));
  assert.deepEqual(cog.bounds_4326.map(Math.round), [-90, -90, 90, -89]);
  assert.deepEqual(item.bbox.map(Math.round), [-90, -90, 90, -89]);
  assert.ok(size[1] > 90, String(size));
});

test('degrees beyond an end are brought back, in the west as in the east', async () => {
  for (const [name, crs, left, wanted] of [
    ['west', 'EPSG:4326', -200, 160],
    ['east', 'EPSG:4269', 185, -175],
  ] as const) {
    const file = await placed(name, crs, [left, 10, left + 12, 1]);
    const { cog, item, geoTransform } = await converted(file, crs);
    assert.equal(geoTransform[0], wanted);
    assert.deepEqual(cog.bounds_4326.map(Math.round), [wanted, 1, wanted + 12, 10]);
    assert.deepEqual(item.bbox.map(Math.round), [wanted, 1, wanted + 12, 10]);
    assert.deepEqual(pixelsOf(cog.file).bands, pixelsOf(file).bands);
  }
  const globe = await placed('globe', 'EPSG:4269', [0, 90, 360, -90]);
  const { geoTransform } = await converted(globe, 'EPSG:4269');
  assert.equal(geoTransform[0], -180);
  const belt = await placed('belt', 'EPSG:4326', [0, 60, 360, -60]);
  for (const target of ['EPSG:4269', 'EPSG:3857']) {
    const { geoTransform: g, size, valid } = await converted(belt, target);
    assert.deepEqual([size[0] > 110, valid], [true, 1], target);
    about(g[0] ?? 0, target === 'EPSG:3857' ? -20_037_508 : -180, 1e-6, target);
  }
  const western = await converted(await placed('western', 'EPSG:4326', [-360, 90, 0, -90]));
  assert.deepEqual([western.geoTransform[0], western.valid], [-180, 1]);
});

test('a raster wider than half the globe over the antimeridian says so', async () => {
  const { cog, item } = await converted(await placed('wide', 'EPSG:4326', [10, 50, 350, -50]));
  assert.deepEqual(cog.bounds_4326, [10, -50, -10, 50]);
  assert.deepEqual(item.bbox, [10, -50, -10, 50]);
});
