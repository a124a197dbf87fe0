import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { cellToLatLng, latLngToCell } from 'h3-js';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import { onTheMap } from '../../handlers/h3/antimeridian.ts';
import { baseCells, cellsBelow, rangeBelow, shapeOf, worldCells } from '../../handlers/h3/cells.ts';
import { parsePolygons, polygonsOf } from '../../handlers/h3/geojson-polygons.ts';
import { Land } from '../../handlers/h3/land.ts';
import { naturalEarthCountries, naturalEarthLand } from '../../handlers/h3/natural-earth.ts';
import { baseCellsOfArea, gridPrefix } from '../../handlers/h3/pyramid.ts';

const land = new Land(naturalEarthLand());
const countries = new Land(naturalEarthCountries());

function cellsOn(map: Land): number {
  let count = 0;
  for (const base of baseCells()) {
    for (const cell of cellsBelow(base, 4, 0)) {
      const [latitude, longitude] = cellToLatLng(cell);
      if (map.at(longitude, latitude)) count += 1;
    }
  }
  return count;
}

test('places on land and at sea, with their countries', () => {
  const places: [longitude: number, latitude: number, country: string | null][] = [
    [170, 67, 'RUS'],
    [-175, 66.5, 'RUS'],
    [37, 0, 'KEN'],
    [0, -89.9, 'ATA'],
    [179.3, -16.6, 'FJI'],
    [-60, 67, null],
    [-30, 40, null],
  ];
  for (const [longitude, latitude, country] of places) {
    assert.equal(land.at(longitude, latitude) !== undefined, country !== null, `${longitude} ${latitude}`);
    assert.equal(countries.at(longitude, latitude)?.countryCode ?? null, country, `${longitude} ${latitude}`);
  }
});

test('land and countries give the same number of cells; read in the plane it is another, and wrong', () => {
  assert.equal(cellsOn(land), 81_767);
  assert.equal(cellsOn(countries), 81_767);
  const atlas = createRequire(import.meta.url)('world-atlas/land-110m.json') as Topology<{ land: GeometryCollection }>;
  const { features } = feature(atlas, atlas.objects.land);
  const planar = new Land(features.flatMap(({ geometry }) => polygonsOf(geometry, null)));
  assert.equal(cellsOn(planar), 81_380);
  assert.equal(planar.at(170, 67), undefined, 'Siberia at sea');
  assert.ok(planar.at(-60, 67), 'Davis Strait on land');
});

test('the cells below a cell are one range of indexes', () => {
  for (const base of [baseCells()[4] ?? '', baseCells()[100] ?? '']) {
    const { first, last } = rangeBelow(base, 3, 0);
    const indexes = [...cellsBelow(base, 3, 0)].map((cell) => BigInt(`0x${cell}`)).sort((a, b) => (a < b ? -1 : 1));
    assert.equal(indexes[0], first);
    assert.ok((indexes.at(-1) ?? 0n) <= last);
  }
  const all = baseCells()
    .map((base) => rangeBelow(base, 4, 0))
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  const overlapping = all.slice(1).filter((range, index) => range.first <= (all[index]?.last ?? 0n));
  assert.deepEqual(overlapping, []);
  assert.equal(worldCells(4), 288_122);
});

test('a cell on the antimeridian is cut', () => {
  const crossing = baseCells().filter((cell) => shapeOf(cell).crossesAntimeridian);
  assert.ok(crossing.length > 3);
  for (const cell of crossing) {
    for (const [x] of shapeOf(cell).parts.flat(2)) assert.ok(x >= -180 && x <= 180, `${cell}: ${x}`);
  }
});

for (const pole of [90, -90]) {
  test(`the cell around the pole at ${pole} reaches it, at every longitude`, () => {
    for (const resolution of [0, 1, 2, 4]) {
      const cell = latLngToCell(pole, 0, resolution);
      const { parts, crossesAntimeridian } = shapeOf(cell);
      assert.ok(crossesAntimeridian, cell);
      const corners = parts.flat(2).filter(([, y]) => y === pole);
      assert.deepEqual(
        corners.map(([x]) => x).sort((a, b) => a - b),
        [-180, 180],
        cell,
      );
      const map = new Land(parts.map((rings) => ({ rings, countryCode: null })));
      const edge = Math.min(...parts.flat(2).map(([, y]) => Math.abs(y)));
      for (let longitude = -179.5; longitude < 180; longitude += 1) {
        assert.ok(map.at(longitude, pole * 0.999_99), `${cell} at ${longitude}`);
        assert.equal(map.at(longitude, Math.sign(pole) * (edge - 0.1)), undefined, `${cell} at ${longitude}`);
      }
    }
  });
}

test('a side of more than 180 degrees goes over the antimeridian, but a box of all longitudes is one', () => {
  const box = (west: number, east: number) =>
    onTheMap({
      rings: [
        [
          [west, -10],
          [east, -10],
          [east, 10],
          [west, 10],
          [west, -10],
        ],
      ],
      countryCode: 'FJI',
    });
  const places = (west: number, east: number) =>
    [-179, -175, 0, 175, 179].filter((longitude) => new Land(box(west, east)).at(longitude, 0));
  assert.deepEqual(places(178, -178), [-179, 179]);
  assert.deepEqual(places(178, 182), [-179, 179]);
  assert.deepEqual(places(-80, 80), [0]);
  assert.deepEqual(places(-180, 180), [-179, -175, 0, 175, 179]);
  assert.deepEqual(
    box(178, -178).map(({ countryCode }) => countryCode),
    ['FJI', 'FJI'],
  );
});

test('holes are no land; what is no polygon is left out; country codes are read in any case', () => {
  const square = (from: number, to: number) => [
    [from, from],
    [to, from],
    [to, to],
    [from, to],
    [from, from],
  ];
  const text = JSON.stringify({
    type: 'FeatureCollection',
    features: [
      {
        type: 'Feature',
        properties: { Iso_A3: 'DEU' },
        geometry: { type: 'Polygon', coordinates: [square(0, 10), square(4, 6)] },
      },
      { type: 'Feature', properties: null, geometry: null },
    ],
  });
  const map = new Land(parsePolygons(text));
  assert.equal(map.at(2, 2)?.countryCode, 'DEU');
  assert.equal(map.at(5, 5), undefined);
  for (const bad of ['{', '{"type":"Polygon","coordinates":[[[0,0],[200,0],[0,1],[0,0]]]}', '{"type":"LineString"}']) {
    assert.throws(() => parsePolygons(bad), Error, bad);
  }
});

test('a pyramid’s base has every country, however small, and a box between the centres', () => {
  const world = baseCells().flatMap((cell) => [...cellsBelow(cell, 2, 0)]);
  for (const country of ['LUX', 'BRN', 'RUS']) {
    assert.ok(baseCellsOfArea({ land, countries }, { country, bbox: null }, world).length > 0, country);
  }
  const city = baseCellsOfArea({ land, countries }, { country: null, bbox: [36.8, -1.3, 36.9, -1.2] }, world);
  assert.equal(city.length, 1);
  assert.equal(gridPrefix({ country: null, bbox: null }), 'land_world');
  assert.equal(gridPrefix({ country: 'KEN', bbox: null }), 'land_ken');
  assert.match(gridPrefix({ country: null, bbox: [1, 2, 3, 4] }), /^land_b[0-9a-f]{8}$/);
});
