import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import { type Footprint, footprintOf, type ToLonLat } from '../../handlers/stac/footprint/footprint.ts';
import { area, contains, type Point, type Polygon, type Ring } from '../../handlers/stac/footprint/geometry.ts';
import { leftOf, rightOf } from '../../handlers/stac/footprint/half-plane.ts';
import { type Mask, outlines } from '../../handlers/stac/footprint/mask-outline.ts';
import { simplified } from '../../handlers/stac/footprint/simplify.ts';

/** `#` is valid. */
function mask(...rows: string[]): Mask {
  const valid = Uint8Array.from(rows.join(''), (pixel) => (pixel === '#' ? 255 : 0));
  return { width: rows[0]?.length ?? 0, height: rows.length, valid };
}

const asDegrees: ToLonLat = async (points) => points;
const grid = (west: number, north: number, east: number, south: number, width = 100, height = 100) => ({
  width,
  height,
  geoTransform: [west, (east - west) / width, 0, north, 0, (south - north) / height],
});

test('an outline goes along the edges of the pixels, with holes and islands in them', () => {
  const found = outlines(mask('#######', '#.....#', '#.###.#', '#.#.#.#', '#.###.#', '#.....#', '#######'), 100);
  assert.ok(found);
  const areas = found.map((polygon) => polygon.map(area));
  assert.deepEqual(
    areas.sort((a, b) => (b[0] ?? 0) - (a[0] ?? 0)),
    [
      [49, -25],
      [9, -1],
    ],
  );
});

test('pixels that meet at a corner become one area', () => {
  const [only, ...others] = outlines(mask('##..', '##..', '..##', '..##'), 100) ?? [];
  assert.equal(others.length, 0);
  assert.equal(only?.length, 1);
  assert.equal(area(only?.[0] ?? []), 10);
});

test('too many rings are given up', () => {
  assert.equal(outlines(mask('#.#.#.#', '.......', '#.#.#.#'), 7), null);
});

test('simplifying takes points off straight and slanting edges and never lets rings cross', () => {
  const stairs = Array.from({ length: 40 }, (_, row) => '#'.repeat(row + 1).padEnd(41, '.'));
  const traced = outlines(mask(...stairs), 10) ?? [];
  assert.ok((traced[0]?.[0]?.length ?? 0) > 80);
  assert.ok((simplified(traced, 1.25)[0]?.[0]?.length ?? 0) <= 6);
  // Simplified alone, the outer ring would cut through the hole.
  const outer: Ring = [
    [0, 0],
    [10, 0],
    [10, 10],
    [5, 11],
    [0, 10],
  ];
  const hole: Ring = [
    [4.5, 10.2],
    [5, 10.8],
    [5.5, 10.2],
  ];
  const [kept = []] = simplified([[outer, hole]], 2);
  assert.deepEqual(
    kept.map((ring) => new Set(ring)),
    [new Set(outer), new Set(hole)],
  );
});

test('the left and the right of a line, of a shape that the line cuts into several', () => {
  const comb: Polygon = [
    [
      [0, 0],
      [10, 0],
      [10, 2],
      [2, 2],
      [2, 4],
      [10, 4],
      [10, 6],
      [0, 6],
    ],
    [
      [0.5, 0.5],
      [0.5, 1],
      [1, 1],
      [1, 0.5],
    ],
  ];
  assert.ok(area(comb[0] ?? []) > 0 && area(comb[1] ?? []) < 0);
  const right = rightOf(comb, 5);
  assert.deepEqual(
    right.map((part) => area(part[0] ?? [])),
    [10, 10],
  );
  const [left, ...more] = leftOf(comb, 5);
  assert.equal(more.length, 0);
  assert.equal(area(left?.[0] ?? []), 24);
  assert.equal(left?.length, 2);
  assert.deepEqual(rightOf(comb, 10), []);
  assert.deepEqual(leftOf(comb, 10), [comb]);
});

test('a raster without gaps has the outline of its grid', async () => {
  const found = await footprintOf(grid(10, 50, 12, 49), null, asDegrees);
  assert.deepEqual(found.bbox, [10, 49, 12, 50]);
  assert.deepEqual(new Set(outerPoints(found).map(String)), new Set(['10,50', '12,50', '12,49', '10,49']));
  assertRightWound(found);
  assert.deepEqual(await footprintOf(grid(10, 50, 12, 49), mask('##', '##'), asDegrees), found);
  assert.deepEqual(await footprintOf(grid(10, 50, 12, 49), mask('..', '..'), asDegrees), found);
});

test('bent edges follow the projection', async () => {
  const bent: ToLonLat = async (points) => points.map(([x, y]): Point => [x, y + (x - 10) * (12 - x)]);
  const found = await footprintOf(grid(10, 50, 12, 49, 1000, 1000), null, bent);
  assert.ok(contains(outerPoints(found), [11, 50.99]) && !contains(outerPoints(found), [11, 51.01]));
  assert.ok(outerPoints(found).length > 20);
});

test('only valid pixels count', async () => {
  const disc = discMask(256, 100);
  const found = await footprintOf(grid(0, 10, 10, 0, 2560, 2560), disc, asDegrees);
  const expected = Math.PI * (1000 / 256) ** 2;
  assert.ok(Math.abs(area(outerPoints(found)) / expected - 1) < 0.02, String(area(outerPoints(found)) / expected));
  assert.ok(outerPoints(found).length < 100);
});

test('a raster full of specks becomes coarser instead of endless, and still covers them', async () => {
  const size = 512;
  const valid = Uint8Array.from({ length: size * size }, (_, pixel) =>
    pixel % 7 === 0 && (pixel >> 9) % 5 === 0 ? 255 : 0,
  );
  const found = await footprintOf(grid(0, 10, 10, 0), { width: size, height: size, valid }, asDegrees);
  assert.ok(JSON.stringify(found).length < 60_000);
  for (const point of [
    [1, 1],
    [5, 5],
    [9, 9],
  ] as const)
    assert.ok(contains(outerPoints(found), point));
});

test('over the antimeridian the footprint is cut and the box goes round it', async () => {
  const normal: ToLonLat = async (points) => points.map(([x, y]): Point => [x > 180 ? x - 360 : x, y]);
  const found = await footprintOf(grid(170, 10, 200, -10), null, normal);
  assert.equal(found.geometry.type, 'MultiPolygon');
  assert.deepEqual(found.bbox, [170, -10, -160, 10]);
  assert.deepEqual(boxes(found), [
    [-180, -10, -160, 10],
    [170, -10, 180, 10],
  ]);
  assertRightWound(found);
  assert.deepEqual(await footprintOf(grid(170, 10, 200, -10), null, asDegrees), found);
  assert.deepEqual(await footprintOf(grid(-190, 10, -160, -10), null, asDegrees), found);
});

test('longitudes from 0 to 360 are the whole globe, and one pixel too many changes nothing', async () => {
  for (const [west, east] of [
    [0, 360],
    [-180, 180],
    [-180.25, 180.25],
    [-0.5, 359.5],
  ] as const) {
    const found = await footprintOf(grid(west, 90, east, -90), null, asDegrees);
    assert.deepEqual(found.bbox, [-180, -90, 180, 90]);
    const covered = boxes(found).reduce((sum, [w = 0, s = 0, e = 0, n = 0]) => sum + (e - w) * (n - s), 0);
    assert.ok(Math.abs(covered - 360 * 180) < 1, `${west} to ${east}: ${covered}`);
  }
});

test('half a pixel below the pole does not leave the globe', async () => {
  const found = await footprintOf(grid(-20, 90.125, 20, 60), null, asDegrees);
  assert.deepEqual(found.bbox, [-20, 60, 20, 90]);
});

test('a raster around a pole reaches it', async () => {
  for (const [sign, pole] of [
    [1, 90],
    [-1, -90],
  ] as const) {
    const polar: ToLonLat = async (points) =>
      points.map(([x, y]): Point => [(Math.atan2(x, -y) * 180) / Math.PI, sign * (90 - Math.hypot(x, y))]);
    const found = await footprintOf(grid(-20, 20, 20, -20), null, polar);
    const [west, south, east, north] = found.bbox;
    assert.deepEqual([west, east], [-180, 180]);
    assert.equal(sign > 0 ? north : south, pole);
    assert.ok(Math.abs((sign > 0 ? south : north) - sign * (90 - Math.hypot(20, 20))) < 0.1);
    assert.equal(found.geometry.type, 'Polygon');
    for (const point of [
      [45, sign * 89],
      [-179.9, sign * 80],
      [179.9, sign * 80],
    ] as const) {
      assert.ok(contains(outerPoints(found), point), String(point));
    }
    assertRightWound(found);
  }
});

test('points that have no place on the globe are left out, and none at all is an error', async () => {
  const half: ToLonLat = async (points) => points.map(([x, y]) => (x > 11 ? null : [x, y]));
  assert.deepEqual((await footprintOf(grid(10, 50, 12, 49), null, half)).bbox, [10, 49, 11, 50]);
  const nowhere: ToLonLat = async (points) => points.map(() => null);
  await assert.rejects(footprintOf(grid(0, 1, 1, 0), null, nowhere), (error: unknown) => {
    return error instanceof CoreMachineError && error.code === 'RASTER_UNSUPPORTED';
  });
});

function discMask(size: number, radius: number): Mask {
  const valid = Uint8Array.from({ length: size * size }, (_, pixel) => {
    return Math.hypot((pixel % size) + 0.5 - size / 2, Math.floor(pixel / size) + 0.5 - size / 2) < radius ? 255 : 0;
  });
  return { width: size, height: size, valid };
}

function polygonsOf({ geometry }: Footprint): Polygon[] {
  const coordinates = geometry.coordinates as unknown;
  return geometry.type === 'Polygon' ? [coordinates as Polygon] : (coordinates as Polygon[]);
}

function outerPoints(footprint: Footprint): Ring {
  return polygonsOf(footprint)[0]?.[0]?.slice(0, -1) ?? [];
}

function boxes(footprint: Footprint): number[][] {
  const boxOf = (ring: Ring) => {
    const [xs, ys] = [ring.map(([x]) => x), ring.map(([, y]) => y)];
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  };
  return polygonsOf(footprint)
    .map((polygon) => boxOf(polygon[0] ?? []))
    .sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
}

/** RFC 7946: closed, outer rings counter-clockwise, holes clockwise, nothing beyond the globe. */
function assertRightWound(footprint: Footprint): void {
  for (const [outer = [], ...holes] of polygonsOf(footprint)) {
    assert.ok(area(outer.slice(0, -1)) > 0 && holes.every((hole) => area(hole.slice(0, -1)) < 0));
    for (const ring of [outer, ...holes]) {
      assert.deepEqual(ring[0], ring[ring.length - 1]);
      assert.ok(ring.every(([x, y]) => Math.abs(x) <= 180 && Math.abs(y) <= 90));
    }
  }
}
