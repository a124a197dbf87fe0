import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOutside } from '../../handlers/raster/area-of-use.ts';
import { intermediateCommand, referenceCommand } from '../../handlers/raster/cog-commands.ts';
import { type PlanInput, planCog } from '../../handlers/raster/cog-plan.ts';
import type { Cylinder } from '../../handlers/raster/cylinder.ts';
import { isUsableNodata } from '../../handlers/raster/nodata.ts';
import { sideFileNames } from '../../handlers/raster/side-files.ts';
import { boundsIn, gridOf, turnedBack } from '../../handlers/raster/target-grid.ts';
import { blockBeyondEnd } from '../../handlers/raster/tiff-blocks.ts';
import { lastRowCommand } from '../../handlers/raster/truncated.ts';
import type { BandFacts } from '../../handlers/stac/raster-facts.ts';

const extent = (...bbox: [number, number, number, number]) => ({ bbox, crossesAntimeridian: bbox[0] > bbox[2] });
const code = (expected: string) => ({ code: expected });

const mercatorHalf = 20_037_508.342789244;
const degrees: Cylinder = { turn: 360, seam: -180, start: -180, rise: 'even' };
const mercator: Cylinder = { turn: 2 * mercatorHalf, seam: -180, start: -mercatorHalf, rise: 'endless' };

test('a grid of our own: around a pole in degrees, beyond 85 degrees in Mercator, nowhere else', () => {
  assert.deepEqual(boundsIn(degrees, extent(-180, 60, 180, 90)), [-180, 60, 180, 90]);
  assert.deepEqual(boundsIn(degrees, extent(-180, -90, 180, -70)), [-180, -90, 180, -70]);
  assert.equal(boundsIn(degrees, extent(-180, -60, 180, 60)), null);
  assert.equal(boundsIn(degrees, extent(10, 80, 40, 86)), null);
  assert.equal(boundsIn({ ...degrees, rise: 'other' }, extent(-180, 60, 180, 90)), null);
  assert.equal(boundsIn(mercator, extent(-180, -85, 180, 85)), null);
  const world = boundsIn(mercator, extent(-180, -90, 180, 90)) ?? [];
  assert.deepEqual(world.map(Math.round), [-20_037_508, -85, 20_037_508, 85]);
  const [left = 0, , right = 0] = boundsIn(mercator, extent(170, 80, -170, 86)) ?? [];
  assert.ok(left < mercatorHalf && right > mercatorHalf, 'over the antimeridian x goes on');
  assert.throws(() => boundsIn(mercator, extent(-180, 85.1, 180, 90)), code('RASTER_UNSUPPORTED'));
  assert.throws(() => boundsIn(mercator, extent(10, -90, 20, -86)), code('RASTER_UNSUPPORTED'));
});

test('as many pixels as the finest detail needs, but not without end', () => {
  const source = { width: 100, height: 50 };
  assert.deepEqual(gridOf([0, 0, 10, 5], [0.1, 0.05], source), { bounds: [0, 0, 10, 5], width: 100, height: 100 });
  assert.deepEqual(gridOf([0, 0, 10, 5], [100, 100], source), { bounds: [0, 0, 10, 5], width: 1, height: 1 });
  assert.throws(() => gridOf([0, 0, 10, 5], [0.001, 0.001], source), code('RASTER_UNSUPPORTED'));
});

test('degrees beyond an end are turned back by whole pixels', () => {
  const grid = (west: number, step: number, width: number) => ({
    width,
    height: 10,
    geoTransform: [west, step, 0, 50, 0, -step],
  });
  const turned = (west: number, step: number, width: number) => {
    const found = turnedBack(grid(west, step, width), degrees);
    return found && [found.bounds[0], found.bounds[2], found.wholeGlobe];
  };
  assert.deepEqual(turned(0, 1, 360), [-180, 180, true]);
  assert.deepEqual(turned(-0.5, 1, 360), [-180.5, 179.5, true]);
  assert.deepEqual(turned(0, 2.5, 144), [-180, 180, true]);
  assert.deepEqual(turned(235, 1, 60), [-125, -65, false]);
  assert.deepEqual(turned(180, 1, 20), [-180, -160, false]);
  assert.deepEqual(turned(595, 1, 60), [-125, -65, false]);
  assert.deepEqual(turned(-200, 1, 15), [160, 175, false]);
  assert.deepEqual(turned(-360, 1, 360), [-180, 180, true]);
  for (const [west, width] of [
    [-180, 360],
    [170, 20],
    [-190, 20],
    [10, 50],
  ] as const) {
    assert.equal(turned(west, 1, width), null, `${west}, ${width} wide`);
  }
});

test('the area of use of a CRS, also where it or the raster lies over the antimeridian', () => {
  const utm33 = [12, 0, 18, 84] as const;
  assert.equal(isOutside([13, 40, 16, 42], utm33, 3), false);
  assert.equal(isOutside([9.5, 40, 12, 42], utm33, 3), false);
  assert.equal(isOutside([8, 40, 12, 42], utm33, 3), true);
  assert.equal(isOutside([17, 40, 22, 42], utm33, 3), true);
  assert.equal(isOutside([13, -10, 16, 2], utm33, 3), true);
  assert.equal(isOutside([-150, 40, -149, 42], utm33, 3), true);
  const utm60 = [174, 0, 180, 84] as const;
  assert.equal(isOutside([179, 40, -179, 42], utm60, 3), false);
  assert.equal(isOutside([179, 40, -170, 42], utm60, 3), true);
  const pacific = [165, -50, -170, -30] as const;
  assert.equal(isOutside([170, -45, -175, -40], pacific, 3), false);
  assert.equal(isOutside([-175, -45, -172, -40], pacific, 3), false);
  assert.equal(isOutside([10, -45, 20, -40], pacific, 3), true);
  assert.equal(isOutside([-180, -60, 180, 60], [-180, -90, 180, 90], 3), false);
});

test('nodata values that a type can hold', () => {
  for (const [type, value, usable] of [
    ['Byte', 0, true],
    ['Byte', 255, true],
    ['Byte', 256, false],
    ['Byte', -9999, false],
    ['UInt16', 65_535, true],
    ['Int16', -32_768, true],
    ['Int16', -32_769, false],
    ['Int32', 0.5, false],
    ['Byte', Number.NaN, false],
    ['Float32', Number.NaN, true],
    ['Float64', -1e300, true],
  ] as const) {
    assert.equal(isUsableNodata(type, value), usable, `${type} ${value}`);
  }
});

test('files that belong to a raster', () => {
  assert.deepEqual(sideFileNames('a/b.tif', '.tif'), [
    'a/b.tif.aux.xml',
    'a/b.tif.msk',
    'a/b.tfw',
    'a/b.tifw',
    'a/b.wld',
  ]);
  assert.ok(sideFileNames('B.PNG', '.PNG').includes('B.PGW') && sideFileNames('B.PNG', '.PNG').includes('B.pgw'));
  assert.deepEqual(sideFileNames('plain', ''), ['plain.aux.xml', 'plain.msk', 'plain.wld']);
});

function band(type: string, more: Partial<BandFacts> = {}): BandFacts {
  const empty = { description: null, nodata: null, unit: null, scale: null, offset: null, colorTable: null };
  return { type, color: 'Gray', ...empty, allValid: true, statistics: null, metadata: {}, ...more };
}

function plan(bands: readonly BandFacts[], more: Partial<PlanInput> & { geoTransform?: number[] } = {}) {
  const { geoTransform = [500_000, 10, 0, 5_500_000, 0, -10], ...input } = more;
  const facts = { driver: 'GTiff', width: 360, height: 180, geoTransform, crs: '', isCog: false, metadata: {}, bands };
  const gdal = {
    version: '3.6.2',
    versionNumber: 3060200,
    cogCompressions: ['DEFLATE'],
    cogInterleave: false,
    drivers: [],
  };
  const base = {
    sourceCrs: 'EPSG:32633',
    crsOverride: null,
    targetCrs: 'EPSG:4326',
    cylinder: degrees,
    beyond: null,
    grid: null,
  };
  const rest = { packedBits: false, type: 'unknown', tier: 'analysis', jpegQuality: 85 } as const;
  return planCog({ facts, ...base, ...rest, ...input }, gdal);
}

const flags = (made: ReturnType<typeof plan>) => {
  const { args } = intermediateCommand(made, { path: 'a.tif', config: {} }, 'b.tif');
  return args.join(' ');
};

const reference = (made: ReturnType<typeof plan>) =>
  referenceCommand(made, { path: 'a.tif', config: {} }, 'a.vrt')?.args.join(' ');

test('the plan: on shared lines a source is widened by as much as the warp may err; a rotated one is warped exactly', () => {
  const pixelSize = [0.001, 0.001] as const;
  const made = plan([band('Byte')], { pixelSize });
  assert.match(flags(made), /-tr 0.001 0.001 -tap -et 0.0001 /);
  assert.equal(reference(made), '-of VRT -norat -a_ullr 499999.999 5500000.001 503600.001 5498199.999');
  const southUp = plan([band('Byte')], { pixelSize, geoTransform: [500_000, 10, 0, 5_500_000, 0, 10] });
  assert.equal(reference(southUp), '-of VRT -norat -a_ullr 499999.999 5499999.999 503600.001 5501800.001');
  const rotated = plan([band('Byte')], { pixelSize, geoTransform: [500_000, 10, 1, 5_500_000, 1, -10] });
  assert.match(flags(rotated), /-tap -et 0 /);
  assert.equal(reference(rotated), undefined);
  assert.equal(reference(plan([band('Byte')])), undefined);
});

test('the plan: nodata that no pixel can have is no nodata', () => {
  const warped = plan([band('Byte', { nodata: -9999 })]);
  assert.deepEqual([warped.mask, warped.nodata, warped.ignoreNodata], ['alpha', 'none', true]);
  assert.match(flags(warped), /-dstalpha -dstnodata none -srcnodata none/);
  const copied = plan([band('Byte', { nodata: -9999 })], { targetCrs: 'EPSG:32633' });
  assert.deepEqual([copied.warp, copied.mask], [false, 'none']);
  assert.match(flags(copied), /-a_nodata none/);
});

test('the plan: nodata that differs from band to band becomes one, also where nothing is reprojected', () => {
  const bands = [band('Float32', { nodata: -1 }), band('Float32', { nodata: -2 })];
  const made = plan(bands, { targetCrs: 'EPSG:32633' });
  assert.deepEqual([made.reprojects, made.warp, made.mask, made.nodata], [false, true, 'none', -1]);
  assert.match(flags(made), /-r near .*-dstnodata -1/);
  const nan = [band('Float32', { nodata: Number.NaN }), band('Float32', { nodata: Number.NaN })];
  assert.equal(plan(nan).nodata, 'keep');
});

test('the plan: where bands have texts the mask is warped as one more band', () => {
  for (const text of [{ description: 'red' }, { unit: 'm' }, { metadata: { WAVELENGTH: '0.6' } }]) {
    assert.equal(plan([band('UInt16', text), band('UInt16')]).mask, 'band');
  }
  const made = plan([band('UInt16', { description: 'red' }), band('UInt16')]);
  assert.doesNotMatch(flags(made), /-dstalpha/);
  assert.equal(reference(made), '-of VRT -norat -b 1 -b 2 -b mask');
  assert.equal(plan([band('Byte', { metadata: { STATISTICS_MEAN: '1' } })]).mask, 'alpha');
  assert.equal(plan([band('Byte', { description: 'red' })], { targetCrs: 'EPSG:32633' }).mask, 'none');
});

test('the plan: a given grid, packed bits, degrees from 0 to 360', () => {
  const grid = { bounds: [-180, 60, 180, 90], width: 10, height: 20 } as const;
  assert.match(flags(plan([band('Byte')], { grid })), /-te -180 60 180 90 -ts 10 20/);
  assert.match(flags(plan([band('UInt16')], { targetCrs: 'EPSG:32633', packedBits: true })), /-co NBITS=16/);
  const degrees = { sourceCrs: 'EPSG:4326', targetCrs: 'EPSG:4326' };
  const globe = plan([band('Float32')], { ...degrees, geoTransform: [0, 1, 0, 90, 0, -1] });
  assert.deepEqual([globe.reprojects, globe.mask, globe.resampling.reproject], [true, 'none', 'near']);
  assert.match(flags(globe), /-te -180 -90 180 90 -ts 360 180/);
  const masked = plan([band('Float32', { allValid: false })], { ...degrees, geoTransform: [0, 1, 0, 90, 0, -1] });
  assert.equal(masked.mask, 'alpha');
  const east = plan([band('Float32')], { ...degrees, geoTransform: [200, 0.1, 0, 90, 0, -0.1] });
  assert.deepEqual([east.reprojects, east.warp], [false, false]);
  assert.match(flags(east), /-a_ullr -160 90 -124 72/);
});

interface TiffForm {
  readonly big?: boolean;
  readonly little?: boolean;
  readonly entries: readonly (readonly [tag: number, values: readonly number[]])[];
}

/** A TIFF that consists of one directory, its arrays right behind it. */
function tiff({ big = false, little = true, entries }: TiffForm): Uint8Array {
  const view = new DataView(new ArrayBuffer(65_536));
  const layout = big
    ? { start: 16, head: 8, entry: 20, room: 8, type: 16 }
    : { start: 8, head: 2, entry: 12, room: 4, type: 4 };
  const put = (at: number, value: number, size: number) => {
    if (size === 2) view.setUint16(at, value, little);
    else if (size === 4) view.setUint32(at, value, little);
    else view.setBigUint64(at, BigInt(value), little);
  };
  view.setUint16(0, little ? 0x4949 : 0x4d4d);
  put(2, big ? 43 : 42, 2);
  if (big) put(4, 8, 2);
  put(big ? 8 : 4, layout.start, layout.room);
  put(layout.start, entries.length, layout.head);
  let free = layout.start + layout.head + entries.length * layout.entry + layout.room;
  for (const [index, [tag, values]] of entries.entries()) {
    const at = layout.start + layout.head + index * layout.entry;
    put(at, tag, 2);
    put(at + 2, layout.type, 2);
    put(at + 4, values.length, layout.room);
    const place = values.length === 1 ? at + layout.entry - layout.room : free;
    if (values.length > 1) {
      put(at + layout.entry - layout.room, free, layout.room);
      free += values.length * layout.room;
    }
    for (const [nth, value] of values.entries()) put(place + nth * layout.room, value, layout.room);
  }
  return new Uint8Array(view.buffer, 0, free);
}

const beyond = (bytes: Uint8Array, fileBytes: number) =>
  blockBeyondEnd(async (offset, length) => bytes.slice(offset, offset + length), fileBytes);

test('block tables: the block that reaches furthest beyond the end, in every form of TIFF', async () => {
  for (const form of [{}, { big: true }, { little: false }, { big: true, little: false }]) {
    const strips = tiff({
      ...form,
      entries: [
        [256, [40]],
        [257, [25]],
        [273, [500, 600, 700]],
        [278, [10]],
        [279, [100, 100, 50]],
      ],
    });
    assert.equal(await beyond(strips, 750), null);
    assert.deepEqual(await beyond(strips, 749), { band: 1, x: 0, y: 20, width: 40, height: 5 });
    assert.deepEqual(await beyond(strips, 10), { band: 1, x: 0, y: 20, width: 40, height: 5 });
  }
  const offsets = [500, 900, 0, 600, 700, 800, 1000, 1100];
  const tiles = [
    [256, [30]],
    [257, [20]],
    [284, [2]],
    [322, [16]],
    [323, [16]],
    [324, offsets],
    [325, [9, 9, 0, 9, 9, 9, 9, 9]],
  ] as const;
  const separate = tiff({ entries: tiles });
  assert.deepEqual(await beyond(separate, 1105), { band: 2, x: 16, y: 16, width: 14, height: 4 });
  assert.equal(await beyond(separate, 1109), null, 'a block of no bytes was never written');
});

test('block tables: one strip, no strips, and files that are no TIFF', async () => {
  const one = tiff({
    entries: [
      [256, [7]],
      [257, [5]],
      [273, [300]],
      [279, [35]],
    ],
  });
  assert.deepEqual(await beyond(one, 334), { band: 1, x: 0, y: 0, width: 7, height: 5 });
  assert.equal(await beyond(one, 335), null);
  assert.equal(await beyond(tiff({ entries: [[256, [7]]] }), 10), null);
  assert.equal(await beyond(new TextEncoder().encode('This is a note and no raster.'), 10), null);
  assert.equal(await beyond(new Uint8Array(), 0), null);
  assert.equal(await beyond(one.slice(0, 20), 20), null);
});

test('the last row of a block is read by reference', () => {
  const source = { path: '/vsiaz/c/a.tif', config: {} };
  assert.deepEqual(lastRowCommand({ band: 2, x: 16, y: 32, width: 14, height: 4 }, source, 'b.vrt'), {
    tool: 'gdal_translate',
    source,
    destination: 'b.vrt',
    args: ['-of', 'VRT', '-b', '2', '-srcwin', '16', '35', '14', '1'],
  });
});
