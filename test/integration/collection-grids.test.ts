import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import gdal from 'gdal-async';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import type { MosaicJson } from '../../handlers/mosaic/mosaic-json.ts';
import type { CreateCogOutput } from '../../handlers/raster/schemas.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';
import { gdalinfo } from '../tools/gdal-cli.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { stacServices } from '../tools/stac-services.ts';

const stack = await stacServices();
const { services, container, folder } = stack;

interface Tile {
  readonly crs: string;
  readonly geoTransform: readonly number[];
  readonly width: number;
  readonly height: number;
}

/** Runs process_raster_collection on tiles of one surface; the grids of their COGs, and the mosaic. */
async function collected(name: string, tiles: readonly Tile[], more: JsonObject = {}) {
  const blob_list: string[] = [];
  for (const [index, { crs, geoTransform, ...size }] of tiles.entries()) {
    const raster = { ...size, crs, type: 'Float32', value: (x: number, y: number) => x + y };
    const file = writeRaster(join(folder, `${name}-${index}.tif`), raster);
    const dataset = gdal.open(file, 'r+');
    dataset.geoTransform = [...geoTransform];
    dataset.close();
    blob_list.push((await stack.upload(file, `${name}/${index}.tif`)).name);
  }
  const parameters = { container_name: container, blob_list, collection_id: name, mosaicjson_container: container };
  const { job, store } = await runJob(processRasterCollection, { ...parameters, ...more }, stack);
  assert.equal(job.status, 'completed', JSON.stringify(job.error ?? job.result));
  const results = await store.resultPage({ jobId: job.jobId, run: job.run, stage: 2 }, -1, 100);
  const cogs = await Promise.all(
    results.map(async ({ output }, index) => {
      const { cog_container, cog_blob, shape, bounds_4326 } = output as unknown as CreateCogOutput;
      const file = join(folder, `${name}-cog-${index}.tif`);
      await services.blobs.download({ container: cog_container, name: cog_blob }, file);
      const [left = 0, dx = 0, , top = 0, , dy = 0] = (await gdalinfo(file)).geoTransform ?? [];
      return { shape, bounds: bounds_4326, left, dx, top, dy };
    }),
  );
  const bytes = await services.blobs.read({ container, name: `${name}.json` });
  return { cogs, mosaic: JSON.parse(new TextDecoder().decode(bytes)) as MosaicJson };
}

const upright = (left: number, top: number, dx: number, dy = dx) => [left, dx, 0, top, 0, -dy];
const inPhase = (from: number, to: number, step: number) => {
  const pixels = (to - from) / step;
  assert.ok(Math.abs(pixels - Math.round(pixels)) < 1e-3, `${pixels} pixels apart`);
};

test('tiles over the antimeridian keep their detail and meet in one mosaic', async () => {
  const half = { crs: 'EPSG:32701', width: 120, height: 45 };
  const tiles = [8_000_000, 7_910_000].map((top) => ({ ...half, geoTransform: upright(100_000, top, 2_000) }));
  for (const target_crs of ['EPSG:4326', 'EPSG:3857', 'EPSG:4167']) {
    const name = target_crs.replace(':', '-');
    const { cogs, mosaic } = await collected(name, tiles, { target_crs });
    const [one, other] = cogs;
    assert.ok(one && other);
    for (const { shape, bounds } of cogs) {
      const [height = 0, width = 0] = shape;
      assert.ok(height > 42 && height < 60 && width > 110 && width < 140, `${target_crs}: ${shape}`);
      assert.ok((bounds[0] ?? 0) > 170 && (bounds[2] ?? 0) < -170, String(bounds));
    }
    assert.equal(one.dx, other.dx);
    inPhase(one.left, other.left, one.dx);
    inPhase(one.top, other.top, one.dx);
    const columns = Object.keys(mosaic.tiles).map((key) => key[0]);
    assert.ok(columns.some((key) => key === '2') && columns.some((key) => key === '3'), JSON.stringify(mosaic.tiles));
  }
});

test('a finer tile leaves the others the grid that they share', async () => {
  const tile = { crs: 'EPSG:32633', width: 60, height: 60 };
  const { cogs } = await collected('finer', [
    { ...tile, geoTransform: upright(500_000, 5_500_000, 20) },
    { ...tile, geoTransform: upright(500_000, 5_498_800, 20) },
    { ...tile, geoTransform: upright(501_200, 5_500_000, 10) },
  ]);
  const [one, other, finer] = cogs;
  assert.ok(one && other && finer);
  assert.equal(one.dx, other.dx);
  inPhase(one.left, other.left, one.dx);
  inPhase(one.top, other.top, one.dx);
  assert.ok(finer.dx < 0.6 * one.dx, `${finer.dx} beside ${one.dx}`);
});

test('a rotated tile is as fine in a collection as by itself', async () => {
  const turned = [500_000, 7, 7, 5_500_000, 7, -7];
  const { cogs } = await collected('rotated', [{ crs: 'EPSG:32633', width: 100, height: 100, geoTransform: turned }]);
  const [height = 0, width = 0] = cogs[0]?.shape ?? [];
  // 141 pixels of 9.9 m across, one and a half times as many degrees.
  assert.ok(width >= 139 && width <= 145 && height >= 88 && height <= 96, `${width} x ${height}`);
});

test('tiles by a pole share pixels that lose no row', async () => {
  const tile = { crs: 'EPSG:3413', width: 60, height: 60 };
  const { cogs } = await collected(
    'polar',
    [-200_000, -260_000].map((top) => ({ ...tile, geoTransform: upright(-30_000, top, 1000) })),
  );
  const [one, other] = cogs;
  assert.ok(one && other);
  assert.deepEqual([one.dx, one.dy], [other.dx, other.dy]);
  inPhase(one.left, other.left, one.dx);
  inPhase(one.top, other.top, one.dy);
  for (const { shape } of cogs) assert.ok((shape[0] ?? 0) > 55, String(shape));
});
