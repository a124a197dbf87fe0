import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { validateRasterJob } from '../../jobs/validate-raster-job.ts';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
import { type TestRaster, writeRaster } from '../tools/gdal-files.ts';
import { pixelsOf, rasterJobs } from '../tools/raster-jobs.ts';

const jobs = await rasterJobs();
const { services, folder } = jobs.stack;
const path = (name: string) => join(folder, name);

const hills = (x: number, y: number, band: number) =>
  Math.round(90 + 60 * Math.sin((x + 40 * band) / 90) * Math.cos(y / 70));
const surface: TestRaster = { width: 300, height: 200, value: hills };
const picture: TestRaster = { ...surface, bands: 3, options: ['PHOTOMETRIC=RGB'] };

/** A raster, and a copy of it that gdal_translate makes with these flags. */
async function translated(name: string, flags: readonly string[], raster: TestRaster = surface): Promise<string> {
  const plain = writeRaster(path(`plain-of-${name.replace(/\.\w+$/, '')}.tif`), raster);
  await gdalCli('gdal_translate', ['-q', ...flags, plain, path(name)]);
  return path(name);
}

/** A raster, and a copy of it whose description as a VRT was edited. */
async function edited(name: string, raster: TestRaster, edit: (vrt: string) => string): Promise<string> {
  const vrt = await translated(`${name}.vrt`, ['-of', 'VRT'], raster);
  await writeFile(vrt, edit(await readFile(vrt, 'utf8')));
  await gdalCli('gdal_translate', ['-q', vrt, path(name)]);
  return path(name);
}

async function converted(file: string, parameters: JsonObject = {}) {
  const { cogs, validation } = await jobs.convert(file, parameters);
  const [cog] = cogs;
  assert.ok(cog);
  const codes = validation.warnings.map(({ code }) => code);
  return { cog, validation, codes, info: await gdalinfo(cog.file), pixels: pixelsOf(cog.file) };
}

interface Report extends JsonObject {
  readonly valid: boolean;
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}

async function inspected(file: string, parameters: JsonObject = {}): Promise<Report> {
  const raster = await jobs.stack.upload(file, `inspected/${file.slice(folder.length + 1)}`);
  const place = { container_name: raster.container, blob_name: raster.name };
  const { job } = await runJob(validateRasterJob, { ...place, ...parameters }, { services });
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  return job.result as Report;
}

const errorCodes = ({ errors }: Report) => errors.map(({ code }) => code);
const valid = (mask: ArrayLike<number> | undefined) => Array.from(mask ?? []).filter((value) => value !== 0).length;

test('a raster around the pole keeps its detail in degrees', async () => {
  const corners = ['-300000', '200000', '300000', '-200000'];
  const file = await translated('pole.tif', ['-a_srs', 'EPSG:3413', '-a_ullr', ...corners]);
  const { cog, info, pixels } = await converted(file);
  const [west = 0, south = 0, east = 0, north = 0] = cog.bounds_4326;
  assert.deepEqual([west, east, north], [-180, 180, 90]);
  assert.ok(south > 86 && south < 87.5, String(south));
  const [width, height] = info.size;
  // 2 km pixels: a degree of latitude is 111 km.
  assert.ok(Math.abs(height - (90 - south) * (111 / 2)) < 0.05 * height, `${height} rows`);
  // The southernmost row is the longest, round the globe in steps of 2 km.
  const round = (360 * 111 * Math.cos((south * Math.PI) / 180)) / 2;
  assert.ok(width > 0.8 * round && width < 1.2 * round, `${width} columns, not ${round}`);
  assert.ok(valid(pixels.masks[0]) > 0.5 * width * height);
  // The middle of the raster, at the pole, is the whole upper row.
  const middle = pixelsOf(file).bands[0]?.[100 * 300 + 150] ?? 0;
  assert.ok(Math.abs((pixels.bands[0]?.[0] ?? 0) - middle) <= 3);
  await assert.rejects(jobs.convert(file, { target_crs: 'EPSG:3857' }), { code: 'RASTER_UNSUPPORTED' });
});

test('the whole world in Web Mercator is its square', async () => {
  const world = ['-a_srs', 'EPSG:4326', '-a_ullr', '-180', '90', '180', '-90'];
  const { cog, info } = await converted(await translated('world.tif', world, picture), { target_crs: 'EPSG:3857' });
  assert.equal(info.size[0], 300);
  const [x = 0, dx = 0, , y = 0, , dy = 0] = info.geoTransform ?? [];
  const edges = [x, y, x + info.size[0] * dx, y + info.size[1] * dy];
  const half = 20_037_508.342789244;
  assert.ok(
    [-half, half, half, -half].every((edge, index) => Math.abs(edge - (edges[index] ?? 0)) < 1),
    String(edges),
  );
  assert.ok((cog.bounds_4326[3] ?? 0) > 85 && (cog.bounds_4326[3] ?? 0) < 85.1);
});

test('a scene over the antimeridian stays in one piece in Web Mercator too', async () => {
  const corners = ['100000', '8000000', '300000', '7850000'];
  const file = await translated('antimeridian.tif', ['-a_srs', 'EPSG:32701', '-a_ullr', ...corners]);
  const { cog, info } = await converted(file, { target_crs: 'EPSG:3857' });
  assert.ok(info.size[0] > 290 && info.size[0] < 340 && info.size[1] > 190 && info.size[1] < 240, String(info.size));
  const [west = 0, , east = 0] = cog.bounds_4326;
  assert.ok(west > 170 && east < -170, String(cog.bounds_4326));
  assert.match(info.coordinateSystem?.wkt ?? '', /ID\["EPSG",3857\]/);
});

test('degrees from 0 to 360 are turned back, every value as it was', async () => {
  const value = (x: number, y: number) => x + 360 * y;
  const globe: TestRaster = { width: 360, height: 180, type: 'Float32', value };
  const flags = ['-a_srs', 'EPSG:4326', '-a_ullr', '-0.5', '90', '359.5', '-90'];
  const whole = await converted(await translated('globe.tif', flags, globe));
  assert.deepEqual(whole.codes, ['SUSPICIOUS_BOUNDS']);
  assert.deepEqual(whole.info.geoTransform?.slice(0, 2), [-180.5, 1]);
  const rolled = Array.from({ length: 360 * 180 }, (_, index) =>
    value(((index % 360) + 180) % 360, Math.floor(index / 360)),
  );
  assert.deepEqual(Array.from(whole.pixels.bands[0] ?? []), rolled);
  assert.equal(valid(whole.pixels.masks[0]), 360 * 180);
  const place = ['-a_srs', 'EPSG:4326', '-a_ullr', '235', '50', '265', '30'];
  const part = await converted(await translated('america.tif', place));
  assert.deepEqual(part.cog.bounds_4326.map(Math.round), [-125, 30, -95, 50]);
  assert.equal(part.cog.reprojection_performed, false);
  assert.deepEqual(part.pixels.bands, pixelsOf(path('america.tif')).bands);
});

test('descriptions, units and metadata of bands are kept beside a mask, and no value differs for it', async () => {
  const bands: TestRaster = { ...surface, bands: 5, type: 'UInt16' };
  const texts = (band: string) =>
    `<Metadata><MDI key="WAVELENGTH">${band}00 nm</MDI></Metadata><Description>B${band}</Description><UnitType>W</UnitType>`;
  const file = await edited('texts.tif', bands, (vrt) =>
    vrt.replaceAll(/<VRTRasterBand [^>]*band="(\d)"[^>]*>/g, (tag, band) => tag + texts(String(band))),
  );
  const { info, pixels } = await converted(file);
  const kept = info.bands.map(({ description, metadata }) => [description, metadata['']?.WAVELENGTH]);
  assert.deepEqual(kept.slice(0, 2), [
    ['B1', '100 nm'],
    ['B2', '200 nm'],
  ]);
  assert.equal(kept.length, 5);
  assert.deepEqual(info.bands[0]?.mask?.flags, ['PER_DATASET']);
  const warped = path('texts-warped.tif');
  await gdalCli('gdalwarp', ['-q', '-t_srs', 'EPSG:4326', '-r', 'bilinear', '-dstalpha', file, warped]);
  const reference = pixelsOf(warped);
  assert.deepEqual(pixels.bands, reference.bands.slice(0, 5));
  assert.equal(valid(pixels.masks[0]), valid(reference.bands[5]));
});

test('nodata that no pixel can have is no nodata: corners are masked, not black', async () => {
  const file = writeRaster(path('impossible.tif'), { ...picture, nodata: -9999 });
  assert.equal((await gdalinfo(file)).bands[0]?.noDataValue, -9999);
  const { codes, info, pixels } = await converted(file);
  assert.deepEqual(codes, ['NODATA_UNUSABLE']);
  assert.deepEqual([info.bands[0]?.noDataValue, info.bands[0]?.mask?.flags], [undefined, ['PER_DATASET']]);
  const dark = Array.from(pixels.bands[0] ?? []).filter((value, pixel) => pixels.masks[0]?.[pixel] && value < 25);
  assert.equal(dark.length, 0);
});

test('bands with nodata values of their own end up with one', async () => {
  const value = (x: number, y: number, band: number) => (x < 60 && y < 50 ? -band : hills(x, y, band));
  const raster: TestRaster = { ...surface, bands: 2, type: 'Float32', nodata: -1, value };
  const vrt = await translated('two.vrt', ['-of', 'VRT'], raster);
  const text = await readFile(vrt, 'utf8');
  const second = text.lastIndexOf('<NoDataValue>-1<');
  await writeFile(vrt, `${text.slice(0, second)}<NoDataValue>-2<${text.slice(second + '<NoDataValue>-1<'.length)}`);
  await gdalCli('gdal_translate', ['-q', '-of', 'HFA', vrt, path('two.img')]);
  for (const target_crs of ['EPSG:32633', 'EPSG:4326']) {
    const { info, pixels } = await converted(path('two.img'), { target_crs });
    assert.deepEqual(
      info.bands.map((band) => band.noDataValue),
      [-1, -1],
    );
    for (const band of [0, 1]) assert.equal(pixels.masks[band]?.[5 + 5 * pixels.width], 0, `${target_crs} ${band}`);
    if (target_crs !== 'EPSG:32633') continue;
    for (const band of [0, 1]) {
      const expected = (index: number) => value(index % 300, Math.floor(index / 300), band + 1);
      const wrong = Array.from(pixels.bands[band] ?? []).filter(
        (one, i) => pixels.masks[band]?.[i] && one !== expected(i),
      );
      assert.equal(wrong.length, 0);
    }
  }
});

test('values packed into fewer bits than their type has', async () => {
  for (const [name, type, bits, bands] of [
    ['one-bit', 'Byte', 1, 1],
    ['twelve-bit', 'UInt16', 12, 4],
    ['half-float', 'Float32', 16, 1],
  ] as const) {
    const most = 2 ** Math.min(bits, 12) - 1;
    const value = (x: number, y: number, band: number) => Math.min(most, hills(x, y, band) % (most + 1));
    const options = ['-co', `NBITS=${bits}`, ...(bands > 1 ? ['-co', 'PHOTOMETRIC=MINISBLACK'] : [])];
    const file = await translated(`${name}.tif`, options, { ...surface, type, bands, value });
    for (const output_tier of ['analysis', 'archive']) {
      const { pixels } = await converted(file, { target_crs: 'EPSG:32633', output_tier });
      assert.deepEqual(pixels.bands, pixelsOf(file).bands, name);
    }
  }
});

test('overview levels of a raster 9,000 pixels high and 10 wide', async () => {
  const { cog } = await converted(writeRaster(path('tall.tif'), { width: 10, height: 9000 }), {
    target_crs: 'EPSG:32633',
  });
  assert.deepEqual(cog.overview_levels, [2, 4, 8, 16, 32]);
});

test('a TIFF that lacks its last byte is truncated, in every layout; a whole one is not', async () => {
  const layouts = {
    tiles: ['-co', 'TILED=YES', '-co', 'COMPRESS=LZW'],
    strips: ['-co', 'BLOCKYSIZE=1'],
    'one-strip': ['-co', 'BLOCKYSIZE=700'],
    bands: ['-co', 'INTERLEAVE=BAND', '-co', 'COMPRESS=DEFLATE'],
    big: ['-co', 'BIGTIFF=YES', '-co', 'TILED=YES'],
    'big-endian': ['-co', 'ENDIANNESS=BIG'],
  };
  for (const [name, flags] of Object.entries(layouts)) {
    const file = await translated(`${name}.tif`, flags, { width: 900, height: 700, bands: 3 });
    assert.deepEqual((await inspected(file)).errors, [], name);
    const bytes = await readFile(file);
    for (const missing of [1, 3000]) {
      const short = path(`${name}-short-${missing}.tif`);
      await writeFile(short, bytes.subarray(0, bytes.length - missing));
      const report = await inspected(short);
      assert.deepEqual([report.valid, errorCodes(report)], [false, ['FILE_UNREADABLE']], `${name} without ${missing}`);
    }
  }
});

test('systems that are no maps', async () => {
  const local = await translated('local.tif', ['-a_srs', 'LOCAL_CS["building site",UNIT["metre",1]]']);
  assert.deepEqual(errorCodes(await inspected(local)), ['CRS_MISSING']);
  const given = await inspected(local, { input_crs: 'EPSG:32633' });
  assert.deepEqual([given.valid, given.source_crs, given.crs_source], [true, 'EPSG:32633', 'user_override']);
  assert.match(JSON.stringify(given.warnings), /CRS_UNUSABLE/);
  const geocentric = await translated('geocentric.tif', ['-a_srs', 'EPSG:4978']);
  assert.deepEqual(errorCodes(await inspected(geocentric)), ['CRS_INVALID']);
  const moon = await translated('moon.tif', ['-a_srs', '+proj=longlat +R=1737400', '-a_ullr', '0', '10', '15', '0']);
  assert.deepEqual(errorCodes(await inspected(moon)), ['RASTER_UNSUPPORTED']);
  const heights = await inspected(await translated('heights.tif', ['-a_srs', 'EPSG:32633+5773']));
  assert.equal(heights.valid, true);
  for (const target_crs of ['EPSG:4978', 'EPSG:5773', 'EPSG:4979', 'EPSG:999999']) {
    await assert.rejects(
      jobs.convert(local, { input_crs: 'EPSG:32633', target_crs }),
      { code: 'CRS_INVALID' },
      target_crs,
    );
  }
  // Equal Earth: GDAL writes a GeoTIFF without it, and says nothing. Told when the job is submitted, not by a task.
  const equalEarth = jobs.convert(local, { input_crs: 'EPSG:32633', target_crs: 'EPSG:8857' });
  await assert.rejects(equalEarth, (error) => {
    assert.ok(error instanceof CoreMachineError && error.code === 'CRS_INVALID', String(error));
    assert.match(error.message, /a GeoTIFF cannot hold the CRS "EPSG:8857"/);
    return true;
  });
});

test('control points only: said even where no CRS is given', async () => {
  const gcps = [0, 0, 15, 49, 300, 0, 15.1, 49, 0, 200, 15, 48.9].map(String);
  const flags = [0, 4, 8].flatMap((at) => ['-gcp', ...gcps.slice(at, at + 4)]);
  const report = await inspected(await translated('points.tif', ['-a_srs', 'EPSG:4326', ...flags]));
  assert.deepEqual(errorCodes(report), ['RASTER_UNSUPPORTED']);
  assert.match(report.errors[0]?.message ?? '', /ground control points/);
});

test('strict: the report has all that was found, and every reason', async () => {
  const file = await translated('strict.tif', ['-ot', 'Float64']);
  const report = await inspected(file, { raster_type: 'rgb', input_crs: 'EPSG:32634', strict_mode: true });
  assert.deepEqual([report.valid, errorCodes(report)], [false, ['VALIDATION_FAILED']]);
  const { details } = report.errors[0] as unknown as { details: { code: string }[] };
  assert.deepEqual(details.map(({ code }) => code).sort(), ['CRS_MISMATCH', 'INEFFICIENT_BIT_DEPTH', 'TYPE_MISMATCH']);
  assert.deepEqual([report.band_count, report.source_crs, report.dtype], [1, 'EPSG:32633', 'float64']);
});

test('a georeference and a mask in files beside the raster', async () => {
  await gdalCli('gdal_translate', ['-q', '-of', 'PNG', writeRaster(path('beside.tif'), picture), path('beside.png')]);
  const png = await jobs.stack.upload(path('beside.png'), 'beside/Bild 1.PNG');
  await jobs.stack.upload(path('beside.png.aux.xml'), 'beside/Bild 1.PNG.aux.xml');
  const { cogs, validation } = await jobs.convertBlob(png, { target_crs: 'EPSG:32633' });
  assert.equal(validation.source_crs, 'EPSG:32633');
  assert.deepEqual(pixelsOf(cogs[0]?.file ?? '').bands, pixelsOf(path('beside.tif')).bands);
  const alpha: TestRaster = {
    ...picture,
    bands: 4,
    options: ['PHOTOMETRIC=RGB', 'ALPHA=YES'],
    value: (x, y, band) => (band === 4 ? (y < 50 ? 0 : 255) : hills(x, y, band)),
  };
  const masked = await translated('masked.tif', ['-b', '1', '-b', '2', '-b', '3', '-mask', '4'], alpha);
  const tif = await jobs.stack.upload(masked, 'beside/masked.tif');
  await jobs.stack.upload(`${masked}.msk`, 'beside/masked.tif.msk');
  const made = await jobs.convertBlob(tif, { target_crs: 'EPSG:32633', in_memory: false });
  assert.equal(valid(pixelsOf(made.cogs[0]?.file ?? '').masks[0]), 300 * 150);
});
