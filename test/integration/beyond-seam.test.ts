import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLog } from '../../core/log.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import { beyondSeam, cylinderOf } from '../../handlers/raster/cylinder.ts';
import type { GlobeExtent } from '../../handlers/raster/extent.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';
import { localSource, writeRaster } from '../tools/gdal-files.ts';

let folder = '';
let gdal: Gdal;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beyond-seam-'));
  // One for all, so that what one operation leaves behind is there for the next.
  gdal = await openGdal({ processes: 1, log: silentLog, cacheMb: 64 });
});
after(async () => {
  await gdal?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Over the antimeridian: the first about it, the second so wide that it is placed about its own middle. */
const extents = [
  { bbox: [178, -40, -178, -35], crossesAntimeridian: true },
  { bbox: [-30, -40, -175, -35], crossesAntimeridian: true },
] satisfies GlobeExtent[];
const places = [
  [170, -40],
  [179.5, -36],
  [-179.5, -36],
  [-176, -40],
] as const;

async function beyond(crs: string, index: 0 | 1): Promise<string> {
  const cylinder = await cylinderOf(gdal, crs);
  assert.ok(cylinder);
  const extent = extents[index];
  assert.ok(extent);
  const definition = await beyondSeam(gdal, crs, cylinder, extent);
  assert.ok(definition);
  return definition;
}

/** V8 collects transformations now and then, and GDAL then keeps them for the next who wants the same. */
async function collectTransformations(): Promise<void> {
  const raster = writeRaster(join(folder, 'raster.tif'), { width: 1000, height: 1000, bands: 3 });
  for (let times = 0; times < 12; times += 1) await gdal.readPixels(localSource(raster), { width: 2500, height: 2000 });
}

for (const crs of ['EPSG:4167', 'EPSG:4272', 'EPSG:3395']) {
  test(`${crs} going on beyond its end is never taken for ${crs} itself, nor for one about another meridian`, async () => {
    const plain = await gdal.transformPoints('EPSG:4326', crs, places);
    const { turn } = (await cylinderOf(gdal, crs)) ?? { turn: Number.NaN };
    const wanted = plain.map((point) => point && ([point[0] < 0 ? point[0] + turn : point[0], point[1]] as const));
    for (const definition of [await beyond(crs, 0), await beyond(crs, 1)]) {
      for (let times = 0; times < 30; times += 1) await gdal.transformPoints('EPSG:4326', crs, places);
      await collectTransformations();
      const found = await gdal.transformPoints('EPSG:4326', definition, places);
      for (const [place, [x, y] = [Number.NaN, Number.NaN]] of wanted.map((point) => point ?? undefined).entries()) {
        const [foundX = Number.NaN, foundY = Number.NaN] = found[place] ?? [];
        const distance = Math.hypot(foundX - x, foundY - y);
        assert.ok(distance < 1e-9 * turn, `${definition}: ${foundX}, ${foundY}, not ${x}, ${y}`);
      }
    }
  });
}

test('a file that goes on beyond the end of its CRS leaves nothing behind for those that do not', async () => {
  const [crs, file] = ['EPSG:4167', join(folder, 'beyond.vrt')];
  const source = writeRaster(join(folder, 'fiji.tif'), { width: 300, height: 100, crs: 'EPSG:32760', pixel: 1000 });
  const args = ['-of', 'VRT', '-t_srs', await beyond(crs, 0)];
  await gdal.run({ tool: 'gdalwarp', source: localSource(source), destination: file, args });
  await gdal.info(localSource(file));
  assert.deepEqual(await gdal.transformPoints(crs, 'EPSG:4326', [[-179, -40]]), [[-179, -40]]);
});
