import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import gdalAsync from 'gdal-async';
import type { TaskContext } from '../../core/handler.ts';
import { silentLog } from '../../core/log.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import { planningFor } from '../../handlers/raster/plan-for.ts';
import { unmaskedPixels } from '../../handlers/raster/scratch.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';
import { localSource, writeRaster } from '../tools/gdal-files.ts';

let folder = '';
let gdal: Gdal;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shared-grid-'));
  gdal = await openGdal({ processes: 1, log: silentLog, cacheMb: 64 });
});
after(async () => {
  await gdal?.close();
  await rm(folder, { recursive: true, force: true });
});

const pixelSize = 0.000115;

interface Warped {
  /** Of the upper left corner, in pixels of the shared grid. */
  readonly column: number;
  readonly row: number;
  readonly width: number;
  readonly height: number;
  /** 0 where it has no pixel. */
  readonly alpha: ArrayLike<number>;
}

async function warp(name: string, raster: Parameters<typeof writeRaster>[1]): Promise<Warped> {
  const source = localSource(writeRaster(join(folder, `${name}.tif`), raster));
  const own = join(folder, name);
  await mkdir(own);
  const signal = new AbortController().signal;
  // Of the services these two use GDAL alone.
  const context = { services: { gdal }, signal, progress: () => {} } as unknown as TaskContext;
  const wanted = {
    source_crs: 'EPSG:32633',
    crs_override: null,
    target_crs: 'EPSG:4326',
    raster_type: 'categorical',
  } as const;
  const more = { tier: 'analysis', jpeg_quality: 85, pixel_size: [pixelSize, pixelSize] } as const;
  const planning = await planningFor({ ...wanted, ...more, pixel_size: [...more.pixel_size] }, source, context);
  return placed(await unmaskedPixels(planning.planOf(), source, own, context, [0, 1]));
}

function placed(file: string): Warped {
  const dataset = gdalAsync.open(file);
  const { x: width, y: height } = dataset.rasterSize;
  const [west = 0, , , north = 0] = dataset.geoTransform ?? [];
  const alpha = dataset.bands.get(dataset.bands.count()).pixels.read(0, 0, width, height);
  dataset.close();
  return { column: Math.round(west / pixelSize), row: Math.round(-north / pixelSize), width, height, alpha };
}

test('a raster warped to shared lines has every pixel whose centre lies in it, so that its neighbour need not', async () => {
  const [width, height, count] = [20_000, 500, 3];
  for (let index = 0; index < count; index += 1) {
    const [left, top] = [400_000 + index * 10, 5_500_000 - index * height * 10];
    const warped = await warp(`raster-${index}`, { width, height, origin: [left, top], value: () => 1 });
    const neighbours = pixelsBeyond(warped);
    assert.ok(neighbours.length > 2 * 20_000);
    const places = await gdal.transformPoints('EPSG:4326', 'EPSG:32633', neighbours);
    const right = left + width * 10;
    const bottom = top - height * 10;
    const inside = places.filter((at) => at && at[0] > left && at[0] < right && at[1] > bottom && at[1] < top);
    assert.deepEqual(inside, []);
  }
});

/** Centres of the pixels right above and below those that the raster has, in degrees. */
function pixelsBeyond({ column, row, width, height, alpha }: Warped): [number, number][] {
  const has = (x: number, y: number) => y >= 0 && y < height && alpha[y * width + x] !== 0;
  const found: [number, number][] = [];
  for (let x = 0; x < width; x += 1) {
    for (let y = -1; y <= height; y += 1) {
      if (has(x, y) || !(has(x, y - 1) || has(x, y + 1))) continue;
      found.push([(column + x + 0.5) * pixelSize, -(row + y + 0.5) * pixelSize]);
    }
  }
  return found;
}
