import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import { geoJsonOf, type LonLat, outlineOf } from '../../handlers/tiling/lon-lat.ts';
import { boundsOfWindow, givenGrid, roundedTo, snappedGrid } from '../../handlers/tiling/snapped-grid.ts';
import { readAgain } from '../../handlers/tiling/source-access.ts';
import { seamColumn } from '../../handlers/tiling/target-pixels.ts';
import { automaticTileSize, type Cut, gridDimensions, tileAt, tileCount } from '../../handlers/tiling/tiles.ts';

const grids = [
  { bounds: [13.6397, 48.7179, 13.6812, 48.7454], width: 3577, height: 2366 },
  { bounds: [399_999.7, 5_399_000.1, 412_345.6, 5_400_000.3], width: 1_234_590, height: 100_020 },
  { bounds: [-179.99, -89.9, 179.97, 89.95], width: 40_001, height: 20_003 },
  { bounds: [-20_037_508.34, -1000, 20_037_508.34, 5_000_000.25], width: 33_333, height: 777 },
] as const;

for (const suggested of grids) {
  test(`snapped grid ${suggested.width} x ${suggested.height}: it covers what was asked for`, () => {
    const { left, top, dx, dy, width, height } = snappedGrid(suggested);
    const [minX, minY, maxX, maxY] = suggested.bounds;
    assert.ok(left <= minX + dx * 1e-5 && top >= maxY - dy * 1e-5);
    assert.ok(left + width * dx >= maxX - dx * 1e-5 && top - height * dy <= minY + dy * 1e-5);
    assert.ok(Math.abs(width - suggested.width) <= 2 && Math.abs(height - suggested.height) <= 2);
    assert.ok(Math.abs(dx / ((maxX - minX) / suggested.width) - 1) < 1e-5);
  });

  test(`snapped grid ${suggested.width} x ${suggested.height}: pixel centres do not depend on the window`, () => {
    const grid = snappedGrid(suggested);
    for (let index = 0; index < 2000; index += 1) {
      const column = (index * 7919) % (grid.width - 600);
      const row = (index * 104_729) % (grid.height - 600);
      const bounds = boundsOfWindow(grid, { column, row, width: 512, height: 512 });
      const inside = index % 512;
      // As GDAL has it: the corner and the pixel's side from -te and -ts, then corner + (pixel + 0.5) * side.
      const [dx, dy] = [(bounds[2] - bounds[0]) / 512, (bounds[3] - bounds[1]) / 512];
      assert.equal(bounds[0] + (inside + 0.5) * dx, grid.left + (column + inside + 0.5) * grid.dx);
      assert.equal(bounds[3] - (inside + 0.5) * dy, grid.top - (row + inside + 0.5) * grid.dy);
    }
  });
}

test('a line at the antimeridian: tiles end and begin there, and pixel centres do not depend on the window', () => {
  const half = 20_037_508.342789244;
  const cylinder = { turn: 2 * half, seam: -180, start: -half, rise: 'endless' } as const;
  const grid = snappedGrid({ bounds: [1.99e7, -2e6, 2.03e7, -1e6], width: 40_003, height: 10_001 }, half);
  const seam = seamColumn(grid, cylinder) ?? Number.NaN;
  assert.equal(grid.left + seam * grid.dx, half);
  for (let column = 0; column + 512 < grid.width; column += 397) {
    const [west, , east] = boundsOfWindow(grid, { column, row: 0, width: 512, height: 512 });
    const inside = column % 512;
    assert.equal(west + (inside + 0.5) * ((east - west) / 512), grid.left + (column + inside + 0.5) * grid.dx);
  }
  const cut: Cut = { width: grid.width, height: grid.height, tileSize: 4096, overlap: 100, seam };
  const row = Array.from({ length: Number(gridDimensions(cut).split('x')[0]) }, (_, number) => tileAt(cut, number));
  const bounds = row.map((tile) => boundsOfWindow(grid, tile));
  assert.equal(bounds.filter(([west, , east]) => west < half && east > half).length, 0);
  assert.equal(bounds.filter(([west]) => west === half).length, 1);
  assert.equal(bounds.filter(([, , east]) => east === half).length, 1);
  assert.equal(row.at(-1)?.id, `tile_0_${row.length - 1}`);
  assert.equal(tileAt(cut, row.length).id, 'tile_1_0');
});

test('a grid of the whole globe, a little wider than that, has no seam', () => {
  const cylinder = { turn: 360, seam: -180, start: -180, rise: 'even' } as const;
  const grid = snappedGrid({ bounds: [-180, -90, 180, 90], width: 4001, height: 2001 });
  assert.ok(grid.left < -180 && grid.left + grid.width * grid.dx > 180);
  assert.equal(seamColumn(grid, cylinder), null);
  assert.equal(seamColumn({ ...grid, left: -190, width: 400 }, cylinder), Math.ceil(10 / grid.dx));
  assert.equal(seamColumn({ ...grid, left: 150, width: 200 }, cylinder), null);
});

test('neighbours share the number of their edge', () => {
  const grid = givenGrid({ bounds: [400_000.3, 5_399_571.7, 400_462.3, 5_400_000.7], width: 1400, height: 1300 });
  const cut: Cut = { width: 1400, height: 1300, tileSize: 500, overlap: 0 };
  const boundsOf = (number: number) => boundsOfWindow(grid, tileAt(cut, number));
  assert.equal(boundsOf(0)[2], boundsOf(1)[0]);
  assert.equal(boundsOf(0)[1], boundsOf(3)[3]);
});

test('rounding keeps so many bits', () => {
  assert.equal(roundedTo(0.1, 3), 0.09375);
  assert.equal(roundedTo(10, 26), 10);
  assert.equal(roundedTo(7.9999, 3), 8);
});

test('tiles go row by row, the last ones with what is left', () => {
  const cut: Cut = { width: 1300, height: 700, tileSize: 512, overlap: 0 };
  assert.equal(gridDimensions(cut), '3x2');
  assert.equal(tileCount(cut), 6);
  const { id, column, row, width, height } = tileAt(cut, 5);
  assert.deepEqual([id, column, row, width, height], ['tile_1_2', 1024, 512, 276, 188]);
});

test('every pixel is in exactly one tile without overlap', () => {
  for (const seam of [undefined, 1, 16, 40, 76])
    assertEachOnce({ width: 77, height: 41, tileSize: 16, overlap: 0, seam });
});

function assertEachOnce(cut: Cut): void {
  const times = new Uint8Array(77 * 41);
  for (let number = 0; number < tileCount(cut); number += 1) {
    const tile = tileAt(cut, number);
    for (let row = tile.row; row < tile.row + tile.height; row += 1) {
      for (let column = tile.column; column < tile.column + tile.width; column += 1) {
        times[row * 77 + column] = (times[row * 77 + column] ?? 0) + 1;
      }
    }
  }
  assert.ok(times.every((count) => count === 1));
}

test('overlap reaches into the neighbours, not out of the grid', () => {
  const cut: Cut = { width: 1300, height: 700, tileSize: 512, overlap: 20 };
  const { column, row, width, height } = tileAt(cut, 1);
  assert.deepEqual([column, row, width, height], [492, 0, 552, 532]);
  assert.deepEqual([tileAt(cut, 0).column, tileAt(cut, 0).width], [0, 532]);
});

test('automatic tiles have about 300 MB and a multiple of 512', () => {
  assert.equal(automaticTileSize(3), 10_240);
  assert.equal(automaticTileSize(4), 8704);
  assert.equal(automaticTileSize(1), 17_408);
  assert.equal(automaticTileSize(10_000_000_000), 512);
});

test('too many tiles: the error says which size would do', () => {
  const cut: Cut = { width: 5_000_000, height: 5_000_000, tileSize: 512, overlap: 0 };
  const error = thrownBy(() => tileCount(cut));
  assert.equal(error.code, 'RASTER_UNSUPPORTED');
  const least = Number(/at least (\d+)/.exec(error.message)?.[1]);
  assert.ok(tileCount({ ...cut, tileSize: least }) <= 100_000);
  assert.throws(() => tileCount({ ...cut, tileSize: least - 512 }));
});

function thrownBy(work: () => unknown): CoreMachineError {
  try {
    work();
  } catch (error) {
    if (error instanceof CoreMachineError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('outlines in degrees are closed, and cut at the antimeridian', () => {
  const box = (bounds: readonly [number, number, number, number]) => geoJsonOf(outlineOf(bounds, 1));
  const ring = (west: number, east: number) => [
    [west, 0],
    [east, 0],
    [east, 5],
    [west, 5],
    [west, 0],
  ];
  assert.deepEqual(box([10, 0, 12, 5]), { type: 'Polygon', coordinates: [ring(10, 12)] });
  assert.deepEqual(box([181, 0, 184, 5]), { type: 'Polygon', coordinates: [ring(-179, -176)] });
  const cut = box([178, 0, 184, 5]) as { type: string; coordinates: number[][][][] };
  assert.equal(cut.type, 'MultiPolygon');
  const longitudes = cut.coordinates.map(([outline = []]) => outline.map(([x = 0]) => x));
  assert.deepEqual(
    longitudes.map((xs) => [Math.min(...xs), Math.max(...xs)]),
    [
      [178, 180],
      [-180, -176],
    ],
  );
  assert.equal(geoJsonOf([null, null, [1, 2] as LonLat]), null);
});

test('strips are read again for each tile of a row, blocks hardly', () => {
  const facts = { width: 40_000, height: 40_000 };
  const tiling = { tile_size: 10_240, scale: [1, 1] as [number, number], overlap: 0 };
  const of = (block: readonly [number, number]) => {
    const known = { facts, info: { bands: [{ block: [...block] }] } };
    return readAgain(known as unknown as Parameters<typeof readAgain>[0], { ...tiling, grid: {} as never });
  };
  assert.ok(of([512, 512]) < 1.11);
  assert.ok(of([40_000, 1]) > 3.9);
});
