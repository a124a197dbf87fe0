import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import gdal from 'gdal-async';
import { silentLog } from '../../core/log.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import { mercatorSize } from '../../handlers/mosaic/mercator-size.ts';
import { type Bbox, buildMosaicJson, type MosaicAsset, type MosaicJson } from '../../handlers/mosaic/mosaic-json.ts';
import { zoomsOf } from '../../handlers/mosaic/tile-grid.ts';
import { globeExtent } from '../../handlers/raster/extent.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';
import { assertNear, assertSame, cogeoMosaic, featureOf } from '../tools/cogeo-mosaic.ts';
import { pythonMissing } from '../tools/optional-python.ts';
import { python } from '../tools/python.ts';

/** A raster of one CRS with square pixels, upper left corner first. */
interface Place {
  readonly crs: string;
  readonly left: number;
  readonly top: number;
  readonly pixel: number;
  readonly width: number;
  readonly height: number;
}

const degrees = (left: number, top: number, width: number, height: number, pixel = 0.001): Place => ({
  crs: 'EPSG:4326',
  left,
  top,
  pixel,
  width,
  height,
});
const grid = (columns: number, rows: number, at: (column: number, row: number) => Place): Place[] =>
  Array.from({ length: columns * rows }, (_, index) => at(index % columns, Math.floor(index / columns)));

const utm33 = (column: number, row: number): Place => ({
  crs: 'EPSG:32633',
  left: 400_000 + column * 9_000,
  top: 5_500_000 - row * 11_000,
  pixel: 10,
  width: 900,
  height: 1_100,
});
const mercator = (column: number, row: number): Place => {
  const pixel = 20_037_508.342789244 / 2 ** 19;
  return { crs: 'EPSG:3857', left: column * 512 * pixel, top: 6e6 - row * 700 * pixel, pixel, width: 512, height: 700 };
};

/** Where edges of COGs lie on edges of tiles, the touching COG is or is not in theirs by the rounding of the day. */
const aligned = new Set(['fifty tiles of Web Mercator on tile edges', 'edges that lie on the edges of tiles']);

const sets: Readonly<Record<string, readonly Place[]>> = {
  'four tiles': grid(2, 2, (column, row) => degrees(10.1 + column * 0.9, 48.3 - row * 0.7, 900, 700)),
  'fifty tiles of UTM': grid(10, 5, utm33),
  'fifty tiles of Web Mercator on tile edges': grid(10, 5, mercator),
  'overlapping, of several resolutions': [
    degrees(-1.5, 52, 3_000, 2_000),
    degrees(-0.7, 51.9, 4_100, 3_900, 0.00025),
    degrees(-2.2, 51.4, 1_000, 1_000, 0.002),
    degrees(0.1, 51.8, 1_000, 700),
    degrees(-1.5, 52, 3_000, 2_000),
  ],
  'edges that lie on the edges of tiles': grid(4, 2, (column, row) =>
    degrees(-90 + column * 45, 40.97989806962013 - row * 40.97989806962013, 450, 409, 0.1),
  ),
  'both sides of the antimeridian': [degrees(179.2, -16.2, 800, 900), degrees(-180, -16.1, 700, 900)],
  'south of the square world, and wide': [degrees(-60, -84, 1_200, 500, 0.01), degrees(20, -60, 3_000, 2_700, 0.01)],
  'the far north in a polar projection': [
    { crs: 'EPSG:3413', left: 500_000, top: -1_500_000, pixel: 100, width: 2_000, height: 1_500 },
    { crs: 'EPSG:3413', left: 700_000, top: -1_500_000, pixel: 100, width: 2_000, height: 1_500 },
  ],
  'the whole globe': [degrees(-180, 90, 3_600, 1_800, 0.1)],
};

const missing = await pythonMissing('mosaic');

if (missing === null) await compare();
else test('cogeo-mosaic makes the same mosaics', { skip: missing }, () => {});

async function compare(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-mosaic-'));
  const own = await openGdal({ processes: 1, log: silentLog });
  after(async () => {
    await own.close();
    await rm(folder, { recursive: true, force: true });
  });

  for (const [name, places] of Object.entries(sets)) {
    test(`cogeo-mosaic makes the same mosaic of ${name}`, async () => {
      const files = places.map((place, index) => writeSparse(join(folder, `${name} ${index}.tif`), place));
      const assets = await assetsOf(own, files, places);
      const mosaic = buildMosaicJson(assets);
      const found = await cogeoMosaic(folder, { files });
      const theirs = aligned.has(name) ? { ...found, tiles: await withoutTouching(found.tiles, assets) } : found;
      assertSame(mosaic, theirs);
      assert.ok(Object.keys(mosaic.tiles).length > 0);
      assert.equal(mosaic.mosaicjson, theirs.mosaicjson);
      if (name !== 'both sides of the antimeridian') assertNear(mosaic.center, theirs.center);
    });
  }

  // Theirs takes a box over the antimeridian for one round the globe, so it is given the two halves.
  test('across the antimeridian the mosaic is that of the two halves', async () => {
    const place: Place = { crs: 'EPSG:32660', left: 520_000, top: 8_000_000, pixel: 100, width: 3_000, height: 1_000 };
    const [asset] = await assetsOf(own, ['a.tif'], [place]);
    assert.ok(asset && asset.bbox[0] > 170 && asset.bbox[2] < -170, JSON.stringify(asset?.bbox));
    const [west, south, east, north] = asset.bbox;
    const features = [featureOf('a.tif', [west, south, 180, north]), featureOf('a.tif', [-180, south, east, north])];
    const { minzoom, maxzoom } = asset;
    const mosaic = buildMosaicJson([asset]);
    assertSame(mosaic, await cogeoMosaic(folder, { features, minzoom, maxzoom }));
    const middle = mosaic.center[0];
    assert.ok(Math.abs(middle) > 175, `the centre ${middle} is in the data`);
  });
}

/** Less what only touches a tile by less than a hundred-millionth of a degree. */
async function withoutTouching(
  tiles: MosaicJson['tiles'],
  assets: readonly MosaicAsset[],
): Promise<MosaicJson['tiles']> {
  const bboxes = new Map(assets.map(({ href, bbox }) => [href, bbox]));
  const keys = Object.keys(tiles);
  const { stdout } = await python(['-c', tileBounds, JSON.stringify(keys)]);
  const bounds = JSON.parse(stdout) as Bbox[];
  return Object.fromEntries(
    keys.map((key, index) => [key, (tiles[key] ?? []).filter((href) => covers(bboxes.get(href), bounds[index]))]),
  );
}

const tileBounds = `
import json, sys, morecantile
tms = morecantile.tms.get("WebMercatorQuad")
print(json.dumps([list(tms.bounds(tms.quadkey_to_tile(key))) for key in json.loads(sys.argv[1])]))`;

function covers(bbox: Bbox | undefined, tile: Bbox | undefined): boolean {
  assert.ok(bbox && tile);
  const wide = Math.min(bbox[2], tile[2]) - Math.max(bbox[0], tile[0]);
  const high = Math.min(bbox[3], tile[3]) - Math.max(bbox[1], tile[1]);
  return wide > 1e-8 && high > 1e-8;
}

async function assetsOf(own: Gdal, hrefs: readonly string[], places: readonly Place[]): Promise<MosaicAsset[]> {
  const rasters = places.map((place) => ({ ...place, geoTransform: geoTransformOf(place) }));
  return Promise.all(
    rasters.map(async (raster, index) => {
      const size = await mercatorSize(own, raster.crs, raster);
      const extent = await globeExtent(own, raster, raster.crs);
      assert.ok(size && extent);
      return { href: hrefs[index] ?? '', bbox: extent.bbox, ...zoomsOf(size), dataType: 'uint8' };
    }),
  );
}

/** Right in size and place, and with no pixels stored. */
function writeSparse(file: string, place: Place): string {
  const options = ['TILED=YES', 'SPARSE_OK=TRUE'];
  const dataset = gdal.open(file, 'w', 'GTiff', place.width, place.height, 1, gdal.GDT_Byte, options);
  dataset.srs = gdal.SpatialReference.fromUserInput(place.crs);
  dataset.geoTransform = geoTransformOf(place);
  dataset.close();
  return file;
}

function geoTransformOf({ left, top, pixel }: Place): number[] {
  return [left, pixel, 0, top, 0, -pixel];
}
