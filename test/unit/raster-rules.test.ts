import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GdalCapabilities, PixelWindow } from '../../core/ports/gdal.ts';
import { classify } from '../../handlers/raster/classify.ts';
import {
  cogCommand,
  intermediateCommand,
  maskCommand,
  overviewCommand,
  pyramidCommand,
} from '../../handlers/raster/cog-commands.ts';
import { isNorthUp, overviewLevels, type PlanInput, planCog } from '../../handlers/raster/cog-plan.ts';
import { accessTierOf, applicableTiers, compressionOf, resamplingOf } from '../../handlers/raster/profiles.ts';
import type { CogTier, RasterType } from '../../handlers/raster/schemas.ts';
import type { BandFacts, RasterFacts } from '../../handlers/stac/raster-facts.ts';

const gdal36: GdalCapabilities = {
  version: '3.6.2',
  versionNumber: 3060200,
  cogCompressions: ['NONE', 'LZW', 'JPEG', 'DEFLATE', 'LERC_DEFLATE', 'WEBP'],
  cogInterleave: false,
  drivers: ['GTiff', 'COG'],
};
const gdal311: GdalCapabilities = { ...gdal36, version: '3.11.0', versionNumber: 3110000, cogInterleave: true };
const gdalPlain: GdalCapabilities = { ...gdal36, cogCompressions: ['NONE', 'LZW', 'JPEG', 'DEFLATE'] };

const palette = [
  [0, 0, 0, 255],
  [255, 0, 0, 255],
];

function band(type: string, color = 'Gray', more: Partial<BandFacts> = {}): BandFacts {
  const empty = { description: null, nodata: null, unit: null, scale: null, offset: null, colorTable: null };
  return { type, color, ...empty, allValid: true, statistics: null, metadata: {}, ...more };
}

function raster(...bands: readonly BandFacts[]): RasterFacts {
  const geoTransform = [500_000, 10, 0, 5_500_000, 0, -10];
  return {
    driver: 'GTiff',
    width: 1000,
    height: 800,
    geoTransform,
    crs: 'EPSG:32633',
    isCog: false,
    metadata: {},
    bands,
  };
}

const rgb = (type = 'Byte') => ['Red', 'Green', 'Blue'].map((color) => band(type, color));
const times = (count: number, one: BandFacts) => Array.from({ length: count }, () => one);

function sampleOf(value: (x: number, y: number) => number, mask: (x: number, y: number) => number = () => 255) {
  const [width, height] = [128, 128];
  const cells = Array.from(
    { length: width * height },
    (_, index) => [index % width, Math.floor(index / width)] as const,
  );
  const values = Int16Array.from(cells, ([x, y]) => value(x, y));
  const sample: PixelWindow = { width, height, bands: [values], mask: Uint8Array.from(cells, ([x, y]) => mask(x, y)) };
  return sample;
}

const slope = sampleOf((x, y) => 3 * x + 2 * y);
const blocks = sampleOf((x, y) => (Math.floor(x / 16) * 7 + Math.floor(y / 16) * 3) % 9);
const noise = sampleOf((x, y) => Math.floor(1000 * (Math.abs(Math.sin(x * 12.9898 + y * 78.233) * 43758.5453) % 1)));

test('every rule of the classification, the first that fits', () => {
  const cases: readonly (readonly [RasterType, readonly BandFacts[], (PixelWindow | null)?])[] = [
    ['rgb', rgb()],
    ['rgba', [...rgb(), band('Byte', 'Alpha')]],
    ['nir', times(4, band('Byte', 'Undefined'))],
    ['nir', times(4, band('UInt16', 'Gray'))],
    ['dem', [band('Float32')]],
    ['dem', [band('Float64')]],
    ['dem', [band('Int16')], slope],
    ['dem', [band('Int32')], slope],
    ['unknown', [band('Int16')], blocks],
    ['unknown', [band('Int16')], noise],
    ['unknown', [band('Int16')], null],
    ['categorical', [band('Int16', 'Palette', { colorTable: palette })], slope],
    ['categorical', [band('Byte', 'Palette', { colorTable: palette })]],
    ['categorical', [band('Byte')]],
    ['categorical', [band('UInt16')]],
    ['multispectral', times(6, band('Byte'))],
    ['multispectral', times(5, band('Float32'))],
    ['unknown', rgb('UInt16')],
    ['unknown', times(2, band('Byte'))],
    ['unknown', times(3, band('Byte'))],
    ['unknown', [...rgb('UInt16'), band('UInt16', 'Alpha')]],
    ['unknown', times(4, band('Float32'))],
    ['unknown', [band('UInt32')]],
  ];
  for (const [type, bands, sample = null] of cases) {
    const found = classify(raster(...bands), sample);
    assert.equal(found.type, type, JSON.stringify(found));
    assert.ok(found.confidence > 0 && found.confidence <= 1);
    assert.match(found.evidence[0] ?? '', /^\d+ bands? of /);
  }
});

test('a surface of whole numbers is told from classes by its pixels, and the evidence says how', () => {
  const { evidence } = classify(raster(band('Int16')), slope);
  assert.match(evidence[1] ?? '', /neighbours differ by 0\.\d+ standard deviations .* \d+ distinct values/);
  // Invalid pixels do not count, however wild their values are.
  const patchy = sampleOf(
    (x, y) => (x % 8 === 0 ? -32_768 : 3 * x + 2 * y),
    (x) => (x % 8 === 0 ? 0 : 255),
  );
  assert.equal(classify(raster(band('Int16')), patchy).type, 'dem');
  const nothing = sampleOf(
    () => 0,
    () => 0,
  );
  assert.equal(classify(raster(band('Int16')), nothing).type, 'unknown');
});

test('resampling by type; a colour table is never interpolated, whatever the type', () => {
  const of = (type: RasterType, ...bands: readonly BandFacts[]) => resamplingOf(type, { bands });
  assert.deepEqual(of('rgb', ...rgb()), { overview: 'cubic', reproject: 'cubic' });
  assert.deepEqual(of('rgba', ...rgb()), { overview: 'cubic', reproject: 'cubic' });
  assert.deepEqual(of('dem', band('Float32')), { overview: 'average', reproject: 'bilinear' });
  assert.deepEqual(of('categorical', band('Byte')), { overview: 'mode', reproject: 'near' });
  for (const type of ['multispectral', 'nir', 'unknown'] as const) {
    assert.deepEqual(of(type, band('Byte')), { overview: 'average', reproject: 'bilinear' });
  }
  assert.deepEqual(of('dem', band('Byte', 'Palette', { colorTable: palette })).reproject, 'near');
});

test('compression by tier, type and what this GDAL has', () => {
  const of = (tier: CogTier, type: RasterType, bands: readonly BandFacts[], gdal = gdal36) =>
    Object.values(compressionOf(tier, type, { bands }, gdal, 70));
  assert.deepEqual(of('visualization', 'rgb', rgb()), ['JPEG', null, 70]);
  assert.deepEqual(of('visualization', 'rgba', [...rgb(), band('Byte', 'Alpha')]), ['WEBP', null, 70]);
  assert.deepEqual(of('visualization', 'rgba', [...rgb(), band('Byte', 'Alpha')], gdalPlain), ['JPEG', null, 70]);
  assert.deepEqual(of('analysis', 'rgb', rgb()), ['DEFLATE', 2, null]);
  assert.deepEqual(of('analysis', 'dem', [band('Float32')]), ['LERC_DEFLATE', null, null]);
  assert.deepEqual(of('analysis', 'dem', [band('Float32')], gdalPlain), ['DEFLATE', 3, null]);
  assert.deepEqual(of('analysis', 'dem', [band('Float64')]), ['LERC_DEFLATE', null, null]);
  assert.deepEqual(of('analysis', 'dem', [band('Int8')]), ['DEFLATE', 2, null]);
  assert.deepEqual(of('analysis', 'multispectral', times(6, band('UInt16'))), ['DEFLATE', 2, null]);
  assert.deepEqual(of('archive', 'dem', [band('Float32')]), ['LZW', 3, null]);
  assert.deepEqual(of('archive', 'rgb', rgb()), ['LZW', 2, null]);
  assert.deepEqual(of('archive', 'categorical', [band('Byte', 'Palette', { colorTable: palette })]), [
    'LZW',
    null,
    null,
  ]);
});

test('tiers that apply, and where they are stored', () => {
  const of = (type: RasterType, bands: readonly BandFacts[]) => applicableTiers(type, { bands });
  const all = { tiers: ['visualization', 'analysis', 'archive'], reason: null };
  assert.deepEqual(of('rgb', rgb()), all);
  assert.deepEqual(of('rgba', [...rgb(), band('Byte', 'Alpha')]), all);
  for (const [type, bands] of [
    ['dem', [band('Float32')]],
    ['rgb', rgb('UInt16')],
    ['rgb', times(6, band('Byte'))],
    ['categorical', [band('Byte')]],
  ] as const) {
    const { tiers, reason } = of(type, bands);
    assert.deepEqual(tiers, ['analysis', 'archive']);
    assert.match(reason ?? '', /visualization is for 8-bit RGB and RGBA/);
  }
  assert.deepEqual((['visualization', 'analysis', 'archive'] as const).map(accessTierOf), ['Hot', 'Hot', 'Cool']);
});

const base: PlanInput = {
  facts: raster(...rgb()),
  sourceCrs: 'EPSG:32633',
  crsOverride: null,
  targetCrs: 'EPSG:4326',
  cylinder: null,
  beyond: null,
  grid: null,
  packedBits: false,
  type: 'rgb',
  tier: 'analysis',
  jpegQuality: 85,
};

test('the plan: warp only where the grid differs, mask only where nothing else says what is valid', () => {
  const warped = planCog(base, gdal36);
  assert.deepEqual([warped.warp, warped.mask, warped.writer, warped.interleave], [true, 'alpha', 'gtiff', 'BAND']);
  const same = planCog({ ...base, targetCrs: 'EPSG:32633' }, gdal36);
  assert.deepEqual([same.warp, same.mask], [false, 'none']);
  assert.equal(planCog(base, gdal311).writer, 'cog');
  const picture = planCog({ ...base, tier: 'visualization' }, gdal36);
  assert.deepEqual([picture.writer, picture.interleave], ['cog', 'PIXEL']);
  const withNodata = { ...base, facts: raster(...rgb().map((one) => ({ ...one, nodata: 0 }))) };
  assert.equal(planCog(withNodata, gdal36).mask, 'none');
  const someNodata = { ...base, facts: raster(band('Byte', 'Red', { nodata: 0 }), band('Byte', 'Green')) };
  assert.equal(planCog(someNodata, gdal36).mask, 'alpha');
  const alpha = { ...base, type: 'rgba' as const, facts: raster(...rgb(), band('Byte', 'Alpha')) };
  assert.equal(planCog(alpha, gdal36).mask, 'none');
  assert.equal(planCog({ ...base, type: 'dem', facts: raster(band('Float32')) }, gdal36).writer, 'cog');
});

test('the plan: a lossy COG has a mask instead of nodata, also in its own grid', () => {
  const facts = raster(...rgb().map((one) => ({ ...one, nodata: 0 })));
  const plan = planCog({ ...base, facts, tier: 'visualization', targetCrs: 'EPSG:32633' }, gdal36);
  assert.deepEqual([plan.reprojects, plan.warp, plan.mask, plan.nodata], [false, true, 'alpha', 'none']);
  const command = intermediateCommand(plan, source, 'w.tif');
  assert.match(command.args.join(' '), /-dstalpha -dstnodata none -wo UNIFIED_SRC_NODATA=YES/);
  assert.equal(planCog({ ...base, facts, targetCrs: 'EPSG:32633' }, gdal36).warp, false);
});

test('the plan: rotated and south-up grids are warped in their own CRS', () => {
  assert.equal(isNorthUp([0, 1, 0, 0, 0, -1]), true);
  for (const geoTransform of [
    [0, 1, 0, 0, 0, 1],
    [0, -1, 0, 0, 0, -1],
    [0, 1, 0.1, 0, 0.1, -1],
  ]) {
    assert.equal(isNorthUp(geoTransform), false);
    const facts = { ...base.facts, geoTransform };
    assert.equal(planCog({ ...base, facts, targetCrs: base.sourceCrs }, gdal36).warp, true);
  }
});

test('the plan: over the end of the target its own CRS is warped to, and the COG is labelled with the target', () => {
  const plan = planCog({ ...base, beyond: '+proj=longlat +lon_wrap=180' }, gdal36);
  assert.equal(plan.warpTarget, '+proj=longlat +lon_wrap=180');
  const place = ['-a_srs', 'EPSG:4326'];
  assert.deepEqual(pyramidCommand(plan, 'in.tif', 'p.vrt', [2]).args, place);
  assert.equal(cogCommand(plan, 'p.vrt', 'out.tif').args[0], '-of');
  const dem = planCog({ ...base, beyond: '+proj=longlat', type: 'dem', facts: raster(band('Float32')) }, gdal36);
  assert.deepEqual(cogCommand(dem, 'in.tif', 'out.tif').args.slice(0, 2), place);
  assert.equal(planCog(base, gdal36).warpTarget, 'EPSG:4326');
  assert.equal(planCog({ ...base, targetCrs: base.sourceCrs, beyond: '+proj=utm' }, gdal36).warpTarget, base.sourceCrs);
});

const scratch = ['TILED=YES', 'BLOCKXSIZE=512', 'BLOCKYSIZE=512', 'BIGTIFF=IF_SAFER'].flatMap((one) => ['-co', one]);
const source = { path: '/vsiaz/c/a.tif', config: { AZURE_STORAGE_CONNECTION_STRING: 'x' } };
const local = (path: string) => ({ path, config: {} });
const optionsOf = (args: readonly string[]) => args.filter((_, index) => args[index - 1] === '-co');

test('commands of a raster that is warped', () => {
  const plan = planCog({ ...base, crsOverride: 'EPSG:32633' }, gdal36);
  assert.deepEqual(intermediateCommand(plan, source, 'w.tif'), {
    tool: 'gdalwarp',
    source,
    destination: 'w.tif',
    args: [
      ...['-of', 'GTiff', '-t_srs', 'EPSG:4326', '-s_srs', 'EPSG:32633', '-r', 'cubic', '-ovr', 'NONE'],
      ...['-multi', '-wo', 'NUM_THREADS=ALL_CPUS', '-wm', '64', '-dstalpha'],
      ...scratch,
    ],
  });
  assert.deepEqual(maskCommand(plan, 'w.tif', 'm.tif'), {
    tool: 'gdal_translate',
    source: local('w.tif'),
    destination: 'm.tif',
    args: ['-of', 'GTiff', '-b', '1', '-b', '2', '-b', '3', '-mask', '4', ...scratch],
  });
  const levels = { resampling: 'cubic', levels: [2, 4], args: [] };
  const inFile = { tool: 'gdaladdo', file: 'm.tif', statistics: true, ...levels };
  assert.deepEqual(overviewCommand(plan, 'm.tif', [2, 4]), inFile);
  const beside = { tool: 'pyramid', file: 'w.tif', destination: 'p.vrt', options: scratch, ...levels };
  assert.deepEqual(pyramidCommand(plan, 'w.tif', 'p.vrt', [2, 4]), beside);
});

test('commands of a raster that stays in its grid', () => {
  const plan = planCog({ ...base, targetCrs: 'EPSG:32633', type: 'dem', facts: raster(band('Float32')) }, gdal36);
  assert.deepEqual(intermediateCommand(plan, source, 'w.tif'), {
    tool: 'gdal_translate',
    source,
    destination: 'w.tif',
    args: ['-of', 'GTiff', '-norat', '-a_srs', 'EPSG:32633', ...scratch],
  });
  const command = cogCommand(plan, 'w.tif', 'cog.tif');
  assert.deepEqual(command, {
    tool: 'gdal_translate',
    source: local('w.tif'),
    destination: 'cog.tif',
    args: [
      ...['-of', 'COG'],
      ...['COMPRESS=LERC_DEFLATE', 'MAX_Z_ERROR=0', 'BLOCKSIZE=512', 'OVERVIEWS=IGNORE_EXISTING'].flatMap(pair),
      ...['OVERVIEW_RESAMPLING=AVERAGE', 'NUM_THREADS=ALL_CPUS', 'BIGTIFF=IF_SAFER'].flatMap(pair),
    ],
  });
});

const pair = (option: string) => ['-co', option];

test('the writers: JPEG by quality, band interleave by the GTiff driver or, from GDAL 3.11, by the COG driver', () => {
  const args = (input: Partial<PlanInput>, gdal: GdalCapabilities) => {
    const command = cogCommand(planCog({ ...base, ...input }, gdal), 'a.tif', 'b.tif');
    return command.tool === 'gdal_translate' ? command.args : [];
  };
  const jpeg = optionsOf(args({ tier: 'visualization', jpegQuality: 60 }, gdal36));
  assert.ok(jpeg.includes('COMPRESS=JPEG') && jpeg.includes('QUALITY=60') && jpeg.includes('OVERVIEW_QUALITY=60'));
  assert.ok(!jpeg.some((option) => option.startsWith('INTERLEAVE')));
  const old = args({}, gdal36);
  assert.equal(old[1], 'GTiff');
  assert.deepEqual(
    optionsOf(old).filter((option) => /INTERLEAVE|COPY|COMPRESS|PREDICTOR|BLOCK/.test(option)),
    [
      'COPY_SRC_OVERVIEWS=YES',
      'BLOCKXSIZE=512',
      'BLOCKYSIZE=512',
      'INTERLEAVE=BAND',
      'COMPRESS=DEFLATE',
      'PREDICTOR=2',
    ],
  );
  const recent = args({}, gdal311);
  assert.equal(recent[1], 'COG');
  assert.ok(optionsOf(recent).includes('INTERLEAVE=BAND') && optionsOf(recent).includes('PREDICTOR=STANDARD'));
});

test('overviews go down to one block', () => {
  assert.deepEqual(overviewLevels(512, 512), []);
  assert.deepEqual(overviewLevels(513, 10), [2]);
  assert.deepEqual(overviewLevels(1025, 800), [2, 4]);
  assert.deepEqual(overviewLevels(40_000, 1), [2, 4, 8, 16, 32, 64, 128]);
});
