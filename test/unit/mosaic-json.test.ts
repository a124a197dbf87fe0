import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildMosaicJson, type MosaicAsset } from '../../handlers/mosaic/mosaic-json.ts';
import { zoomsOf } from '../../handlers/mosaic/tile-grid.ts';

const base = { minzoom: 5, maxzoom: 12, dataType: 'uint8' };
const asset = (href: string, bbox: MosaicAsset['bbox'], more: Partial<MosaicAsset> = {}): MosaicAsset => ({
  ...base,
  href,
  bbox,
  ...more,
});

test('a mosaic of two data types, or of nothing, is refused', () => {
  const assets = [asset('a', [0, 0, 1, 1]), asset('b', [1, 0, 2, 1], { dataType: 'float32' })];
  assert.throws(() => buildMosaicJson(assets), { code: 'RASTER_UNSUPPORTED', message: /float32, uint8/ });
  assert.throws(() => buildMosaicJson([]), { code: 'RASTER_UNSUPPORTED' });
});

test('zooms are the greatest of the assets or the ones given', () => {
  const assets = [asset('a', [1, 1, 2, 2]), asset('b', [2, 1, 3, 2], { minzoom: 6, maxzoom: 11 })];
  const zooms = (options?: Parameters<typeof buildMosaicJson>[1]) => {
    const { minzoom, maxzoom, quadkey_zoom, center } = buildMosaicJson(assets, options);
    return [minzoom, maxzoom, quadkey_zoom, center[2]];
  };
  assert.deepEqual(zooms(), [6, 12, 6, 6]);
  assert.deepEqual(zooms({ maxzoom: 9 }), [6, 9, 6, 6]);
  assert.deepEqual(zooms({ maxzoom: 4 }), [4, 4, 4, 4]);
  assert.deepEqual(zooms({ minzoom: 3, quadkeyZoom: 8 }), [3, 12, 8, 3]);
});

test('assets stand in a tile in the order given, and an asset over the antimeridian once', () => {
  const assets = [asset('z', [170, -10, -170, 10]), asset('a', [-180, -10, -160, 10]), asset('m', [0, 1, 5, 5])];
  const { tiles } = buildMosaicJson(assets, { quadkeyZoom: 1 });
  assert.deepEqual(tiles, { 0: ['z', 'a'], 1: ['z', 'm'], 2: ['z', 'a'], 3: ['z'] });
  assert.deepEqual(buildMosaicJson(assets, { minzoom: 0 }).tiles, { '': ['z', 'a', 'm'] });
});

test('the centre lies among the COGs', () => {
  const center = (...boxes: MosaicAsset['bbox'][]) =>
    buildMosaicJson(boxes.map((bbox, index) => asset(String(index), bbox))).center.slice(0, 2);
  assert.deepEqual(center([10, 40, 20, 50], [30, 40, 40, 44]), [25, 45]);
  assert.deepEqual(center([170, 0, 180, 10], [-180, 0, -160, 10]), [-175, 5]);
  assert.deepEqual(center([150, 0, -170, 10]), [170, 5]);
  assert.deepEqual(center([-180, -90, 180, 90]), [0, 0]);
});

test('a longitude beyond 180 is where it is on the globe', () => {
  const { bounds, tiles } = buildMosaicJson([asset('a', [190, 1, 200, 2])], { quadkeyZoom: 2 });
  assert.deepEqual(bounds, [-170, 1, -160, 2]);
  assert.deepEqual(Object.keys(tiles), ['02']);
});

test('keys stay few when a COG of the whole globe meets a fine one', () => {
  const assets = [
    asset('world', [-180, -90, 180, 90], { minzoom: 0 }),
    asset('street', [9, 48, 9.01, 48.01], { minzoom: 16, maxzoom: 20 }),
  ];
  const mosaic = buildMosaicJson(assets);
  assert.equal(mosaic.minzoom, 16);
  assert.equal(mosaic.quadkey_zoom, 8);
  assert.equal(Object.keys(mosaic.tiles).length, 4 ** 8);
});

test('zooms are told from resolution and size', () => {
  const metres = (zoom: number) => (Math.PI * 2 * 6_378_137) / 256 / 2 ** zoom;
  assert.deepEqual(zoomsOf({ width: 256, height: 256, resolution: metres(10) }), { minzoom: 10, maxzoom: 10 });
  assert.deepEqual(zoomsOf({ width: 5_000, height: 1_100, resolution: metres(10) * 1.3 }), { minzoom: 7, maxzoom: 10 });
  assert.deepEqual(zoomsOf({ width: 10, height: 10, resolution: metres(10) * 1.5 }), { minzoom: 9, maxzoom: 9 });
  assert.deepEqual(zoomsOf({ width: 10, height: 10, resolution: 1e9 }), { minzoom: 0, maxzoom: 0 });
  assert.deepEqual(zoomsOf({ width: 10, height: 10, resolution: 1e-9 }), { minzoom: 24, maxzoom: 24 });
});
