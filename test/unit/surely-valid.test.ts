import assert from 'node:assert/strict';
import { test } from 'node:test';
import gdal, { type Geometry } from 'gdal-async';
import { isSurelyValid } from '../../infrastructure/gdal/operations/vector/surely-valid.ts';

/** With an SRID, as PGDUMP writes them. */
function isFoundValid(geometry: Geometry): boolean {
  const wkb = geometry.toWKB('LSB', 'ISO');
  const ewkb = Uint8Array.from([...wkb.subarray(0, 4), 0x20, 0xe6, 0x10, 0, 0, ...wkb.subarray(5)]);
  return isSurelyValid(new DataView(ewkb.buffer), geometry.wkbType);
}

const found = (wkt: string) => isFoundValid(gdal.Geometry.fromWKT(wkt));

test('plain shapes are found valid', () => {
  for (const wkt of [
    'POLYGON ((0 0,1 0,1 1,0 1,0 0))',
    // Points on a side, and a shape that is not convex.
    'POLYGON ((0 0,0.5 0,1 0,1 1,0.5 0.2,0 1,0 0))',
    'MULTIPOLYGON (((0 0,1 0,1 1,0 0)))',
    'LINESTRING (0 0,1 1,0 0)',
    'MULTILINESTRING ((0 0,1 1),(0 1,1 0,2 2))',
    `LINESTRING (${Array.from({ length: 500 }, (_, x) => `${x} ${x % 7}`).join()})`,
  ]) {
    assert.equal(found(wkt), true, wkt);
  }
});

test('what touches itself, is too short or of several parts is left to GEOS', () => {
  for (const wkt of [
    'POLYGON ((0 0,1 1,1 0,0 1,0 0))',
    'POLYGON ((0 0,2 0,1 0,1 1,0 0))',
    'POLYGON ((0 0,1 0,1 0,1 1,0 0))',
    'POLYGON ((0 0,4 0,4 4,2 0,0 4,0 0))',
    'POLYGON ((0 0,1 0,0 0,0 0))',
    'POLYGON ((0 0,1 0,2 0,0 0))',
    'POLYGON ((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))',
    'MULTIPOLYGON (((0 0,2 0,2 2,0 0)),((0 0,2 0,2 2,0 0)))',
    'LINESTRING (1 1,1 1)',
    'LINESTRING (0 0,-0 0)',
    'MULTILINESTRING ((0 0,1 1),(1 1,1 1))',
    'LINESTRING EMPTY',
    'POLYGON EMPTY',
  ]) {
    assert.equal(found(wkt), false, wkt);
  }
});

test('numbers that are none are left to GEOS', () => {
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    const line = new gdal.LineString();
    for (const [x, y] of [
      [0, 0],
      [1, 1],
      [bad, 2],
      [3, 3],
    ] as const)
      line.points.add(x, y);
    assert.equal(isFoundValid(line), false, String(bad));
    const ring = new gdal.LinearRing();
    for (const [x, y] of [
      [0, 0],
      [1, 0],
      [1, bad],
      [0, 1],
      [0, 0],
    ] as const)
      ring.points.add(x, y);
    const polygon = new gdal.Polygon();
    polygon.rings.add(ring);
    assert.equal(isFoundValid(polygon), false, String(bad));
  }
});

/** The same numbers each time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

test('of 20,000 rings on a coarse grid, where points and sides meet often, none is found valid that GEOS finds invalid', () => {
  const random = numbers(7);
  let both = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const size = 3 + Math.floor(random.next().value * 6);
    const steps = round % 2 === 0 ? 6 : 1e15;
    const place = () => Math.floor(random.next().value * steps) / (steps > 100 ? 1e14 : 3);
    const corners = Array.from({ length: size }, () => [place(), place()] as const);
    const ring = [...corners, corners[0] ?? [0, 0]];
    const polygon = gdal.Geometry.fromWKT(`POLYGON ((${ring.map(([x, y]) => `${x} ${y}`).join()}))`);
    const mine = isFoundValid(polygon);
    if (mine) both += 1;
    assert.ok(!mine || polygon.isValid(), polygon.toWKT());
  }
  assert.ok(both > 1000, `${both} were found valid`);
});
