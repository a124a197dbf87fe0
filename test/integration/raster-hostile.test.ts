import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ErrorCode } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { validateRasterJob } from '../../jobs/validate-raster-job.ts';
import { testStorage } from '../tools/azurite.ts';
import { assertSamePlace } from '../tools/cog-checks.ts';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
import { type TestRaster, truncate, writeRaster } from '../tools/gdal-files.ts';
import { pixelsOf, rasterJobs } from '../tools/raster-jobs.ts';

const jobs = await rasterJobs();
const { services, folder, container } = jobs.stack;
const path = (name: string) => join(folder, name);
const sample = (name: string) => fileURLToPath(new URL(`../fixtures/samples/${name}`, import.meta.url));

const hills = (x: number, y: number, band: number) =>
  Math.round(90 + 60 * Math.sin((x + 40 * band) / 90) * Math.cos(y / 70));
const surface: TestRaster = { width: 300, height: 200, value: hills };

/** A raster, and a copy of it that gdal_translate makes with these flags. */
async function translated(name: string, flags: readonly string[], raster: TestRaster = surface): Promise<string> {
  const plain = writeRaster(path(`plain-of-${name.replace(/\.\w+$/, '')}.tif`), raster);
  await gdalCli('gdal_translate', ['-q', ...flags, plain, path(name)]);
  return path(name);
}

/** A copy that says something else of itself: `pattern` in its description as a VRT is replaced. */
async function rewritten(plain: string, name: string, pattern: RegExp, replacement: string): Promise<string> {
  const vrt = path(`${name}.vrt`);
  await gdalCli('gdal_translate', ['-q', '-of', 'VRT', plain, vrt]);
  await writeFile(vrt, (await readFile(vrt, 'utf8')).replace(pattern, replacement));
  await gdalCli('gdal_translate', ['-q', vrt, path(name)]);
  return path(name);
}

/** The job fails with this code and leaves nothing behind. */
async function refused(
  file: string,
  code: ErrorCode,
  parameters: JsonObject = {},
): Promise<Error & { details?: unknown }> {
  const blobs = async () => (await Array.fromAsync(services.blobs.list(container))).map(({ name }) => name);
  const raster = await jobs.stack.upload(file, `hostile/${code}-${file.slice(folder.length).replaceAll('/', '')}`);
  const before = await blobs();
  const failure = await jobs.convertBlob(raster, parameters).catch((error: unknown) => error);
  assert.ok(failure instanceof Error && 'code' in failure, `${file} was converted`);
  assert.equal(failure.code, code, failure.message);
  assert.deepEqual(await blobs(), before);
  assert.deepEqual(await jobs.leftovers(), []);
  return failure;
}

async function converted(file: string, parameters: JsonObject = {}) {
  const { cogs, validation, result } = await jobs.convert(file, parameters);
  const [cog] = cogs;
  assert.ok(cog);
  return {
    cog,
    validation,
    result,
    info: await gdalinfo(cog.file),
    codes: validation.warnings.map(({ code }) => code),
  };
}

async function inspected(file: string, parameters: JsonObject = {}): Promise<JsonObject> {
  const raster = await jobs.stack.upload(file, `inspected/${file.slice(folder.length)}`);
  const place = { container_name: raster.container, blob_name: raster.name };
  const { job } = await runJob(validateRasterJob, { ...place, ...parameters }, { services });
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  return job.result ?? {};
}

test('files that are none: truncated, text, empty', async () => {
  const whole = writeRaster(path('whole.tif'), { width: 1000, height: 800, bands: 2 });
  await refused(await truncate(whole, path('truncated.tif'), 0.6), 'FILE_UNREADABLE');
  await writeFile(path('text.tif'), 'This is a note and no raster.\n'.repeat(100));
  await refused(path('text.tif'), 'FILE_UNREADABLE');
  await writeFile(path('empty.tif'), '');
  await refused(path('empty.tif'), 'FILE_UNREADABLE');
  await writeFile(path('text.nc'), 'no NetCDF');
  await refused(path('text.nc'), 'FILE_UNREADABLE');
});

test('a file that only refers to others is not followed', async () => {
  await gdalCli('gdal_translate', ['-q', '-of', 'VRT', sample('L7_ETMs.tif'), path('reference.vrt')]);
  await copyFile(path('reference.vrt'), path('reference.tif'));
  await refused(path('reference.tif'), 'RASTER_UNSUPPORTED');
});

test('validate_raster_job: what process_raster would refuse is an answer', async () => {
  const text = await inspected(path('text.tif'));
  assert.deepEqual([text.valid, (text.errors as { code: string }[])[0]?.code], [false, 'FILE_UNREADABLE']);
  const strict = await inspected(sample('L7_ETMs.tif'), { raster_type: 'rgb', strict_mode: true });
  assert.deepEqual([strict.valid, (strict.errors as { code: string }[])[0]?.code], [false, 'VALIDATION_FAILED']);
  const good = await inspected(sample('L7_ETMs.tif'));
  assert.deepEqual([good.valid, good.errors, good.band_count, good.shape], [true, [], 6, [352, 349]]);
  assert.deepEqual([good.source_crs, good.crs_source, good.dtype], ['EPSG:31985', 'file_metadata', 'uint8']);
  await assert.rejects(runJob(validateRasterJob, { container_name: container, blob_name: 'none.tif' }, { services }), {
    code: 'FILE_NOT_FOUND',
  });
});

test('no CRS: refused without input_crs, converted with it; the own CRS wins over another', async () => {
  const plain = writeRaster(path('crs.tif'), surface);
  const file = await rewritten(plain, 'no-crs.tif', /<SRS.*<\/SRS>/s, '');
  await refused(file, 'CRS_MISSING');
  await refused(file, 'CRS_INVALID', { input_crs: 'EPSG:999999' });
  const { validation, cog } = await converted(file, { input_crs: 'epsg:32633', target_crs: 'EPSG:32633' });
  assert.deepEqual([validation.source_crs, validation.crs_source], ['EPSG:32633', 'user_override']);
  assertSamePlace(cog.file, plain);
  assert.deepEqual(pixelsOf(cog.file), pixelsOf(plain));
  const warped = await converted(file, { input_crs: 'EPSG:32633' });
  assert.ok(Math.abs((warped.cog.bounds_4326[0] ?? 0) - 15) < 0.01, String(warped.cog.bounds_4326));
  const both = await converted(plain, { input_crs: 'EPSG:32634' });
  assert.deepEqual([both.validation.source_crs, both.codes], ['EPSG:32633', ['CRS_MISMATCH']]);
  await refused(plain, 'VALIDATION_FAILED', { input_crs: 'EPSG:32634', strict_mode: true });
});

test('rotated and south-up grids are straightened', async () => {
  const plain = writeRaster(path('straight.tif'), surface);
  const place = (name: string, grid: string) => rewritten(plain, name, /<GeoTransform>[^<]*/, `<GeoTransform>${grid}`);
  const rotated = await converted(await place('rotated.tif', '500000, 8, 6, 5500000, 6, -8'), {
    target_crs: 'EPSG:32633',
  });
  assert.equal(rotated.cog.reprojection_performed, true);
  assert.ok(Array.from(pixelsOf(rotated.cog.file).masks[0] ?? []).includes(0), 'its corners are empty');
  const southUp = await converted(await place('south-up.tif', '500000, 10, 0, 5498000, 0, 10'), {
    target_crs: 'EPSG:32633',
  });
  assert.deepEqual(southUp.info.geoTransform, [500000, 10, 0, 5500000, 0, -10]);
  const [mine, source] = [pixelsOf(southUp.cog.file), pixelsOf(plain)];
  const rows = (band: ArrayLike<number> | undefined) =>
    Array.from({ length: 200 }, (_, y) => Array.from(band ?? []).slice(y * 300, y * 300 + 300));
  assert.deepEqual(rows(mine.bands[0]), rows(source.bands[0]).reverse());
});

test('ground control points only: refused with advice', async () => {
  const gcps = [
    [0, 0, 15, 49],
    [300, 0, 15.1, 49],
    [0, 200, 15, 48.9],
  ].flatMap((gcp) => ['-gcp', ...gcp.map(String)]);
  const file = await translated('gcps.tif', ['-a_srs', 'EPSG:4326', ...gcps]);
  await refused(file, 'RASTER_UNSUPPORTED', { input_crs: 'EPSG:4326' });
});

test('RGB of 16 bits: the visualization falls back to analysis with a warning', async () => {
  const file = writeRaster(path('rgb16.tif'), { ...surface, bands: 3, type: 'UInt16', options: ['PHOTOMETRIC=RGB'] });
  const { cog, codes } = await converted(file, { output_tier: 'visualization', raster_type: 'rgb' });
  assert.deepEqual([cog.cog_tier, cog.compression], ['analysis', 'DEFLATE']);
  assert.ok(codes.includes('TIER_NOT_APPLICABLE') && codes.includes('TYPE_MISMATCH'), String(codes));
  await refused(file, 'VALIDATION_FAILED', { output_tier: 'visualization', strict_mode: true });
});

test('complex numbers are refused, 64-bit ones are converted with a warning', async () => {
  await refused(await translated('complex.tif', ['-ot', 'CFloat32']), 'RASTER_UNSUPPORTED');
  const { codes, cog } = await converted(await translated('double.tif', ['-ot', 'Float64']), {
    target_crs: 'EPSG:32633',
  });
  assert.deepEqual(codes, ['INEFFICIENT_BIT_DEPTH']);
  assert.deepEqual(pixelsOf(cog.file).bands, pixelsOf(path('double.tif')).bands);
});

test('one pixel; nothing but nodata; nothing but NaN', async () => {
  const one = await converted(writeRaster(path('one.tif'), { width: 1, height: 1, value: () => 7 }));
  assert.ok(Array.from(pixelsOf(one.cog.file).bands[0] ?? []).includes(7));
  const nodata = { ...surface, type: 'Int16', nodata: -1, value: () => -1 };
  for (const target_crs of ['EPSG:32633', 'EPSG:4326']) {
    const empty = await converted(writeRaster(path('all-nodata.tif'), nodata), { target_crs });
    assert.ok(empty.codes.includes('ALL_NODATA'));
    assert.equal(empty.info.bands[0]?.metadata['']?.STATISTICS_MEAN, undefined);
    assert.equal(Array.from(pixelsOf(empty.cog.file).masks[0] ?? []).some(Boolean), false);
  }
  const nan = { ...surface, type: 'Float32', value: () => Number.NaN };
  assert.ok((await converted(writeRaster(path('all-nan.tif'), nan))).codes.includes('ALL_NODATA'));
});

test('a scene over the antimeridian stays in one piece of its own width', async () => {
  const file = await translated('antimeridian.tif', [
    '-a_srs',
    'EPSG:32701',
    '-a_ullr',
    '100000',
    '8000000',
    '300000',
    '7850000',
  ]);
  const { cog, info } = await converted(file);
  const [west = 0, south = 0, east = 0, north = 0] = cog.bounds_4326;
  assert.ok(west > 170 && east < -170 && west > east && south < north, String(cog.bounds_4326));
  assert.ok(info.size[0] < 900, `${info.size[0]} pixels wide`);
  const longitudes = (cog.item.bbox as number[]).filter((_, index) => index % 2 === 0);
  assert.ok(
    longitudes.every((longitude) => Math.abs(longitude) <= 180),
    String(longitudes),
  );
  assert.equal((cog.item.geometry as { type: string }).type, 'MultiPolygon');
});

test('a scene around the pole', async () => {
  const file = await translated('pole.tif', [
    '-a_srs',
    'EPSG:3413',
    '-a_ullr',
    '-300000',
    '200000',
    '300000',
    '-200000',
  ]);
  const { cog } = await converted(file, { target_crs: 'EPSG:3413' });
  assert.equal(cog.reprojection_performed, false);
  assertSamePlace(cog.file, file);
  assert.deepEqual(pixelsOf(cog.file), pixelsOf(file));
  const [, , , north = 0] = cog.bounds_4326;
  assert.ok(north > 89.9, String(cog.bounds_4326));
  const warped = await converted(file);
  assert.ok(warped.info.size[0] < 20_000 && warped.info.size[1] < 20_000, String(warped.info.size));
});

test('a strip file 40,000 pixels wide: looked at without reading it whole, converted whole', async () => {
  const strips = ['-co', 'TILED=NO', '-co', 'BLOCKYSIZE=1'];
  const file = await translated('wide.tif', ['-outsize', '40000', '2000', ...strips]);
  const relay = await countingRelay(new URL(/BlobEndpoint=([^;]+)/.exec(await testStorage())?.[1] ?? '').port);
  const connection = (await testStorage()).replace(/(BlobEndpoint=http:\/\/[^:]+:)\d+/, `$1${relay.port}`);
  const raster = await jobs.stack.upload(file, 'wide.tif');
  const place = { container_name: raster.container, blob_name: raster.name };
  const { job } = await runJob(validateRasterJob, place, {
    services: { ...services, blobs: openBlobStore({ connection }) },
  });
  assert.equal(job.result?.valid, true);
  assert.ok(relay.bytes() > 10_000 && relay.bytes() < 20_000_000, `${relay.bytes()} bytes of 80,000,000`);
  const { cogs } = await jobs.convertBlob(raster, { in_memory: false, target_crs: 'EPSG:32633' });
  assert.deepEqual(cogs[0]?.shape, [2000, 40_000]);
  assert.equal(cogs[0]?.overview_levels.at(-1), 128);
});

/** A TCP relay on the loopback interface that counts what the server sends. */
async function countingRelay(target: string): Promise<{ readonly port: number; bytes(): number }> {
  let bytes = 0;
  const server = createServer((client) => {
    const upstream = createConnection(Number(target), '127.0.0.1');
    upstream.on('data', (chunk) => {
      bytes += chunk.length;
    });
    upstream.pipe(client).pipe(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => [client, upstream].map((one) => one.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => void server.close());
  return { port: (server.address() as AddressInfo).port, bytes: () => bytes };
}

test('JPEG 2000, Erdas Imagine and georeferenced PNG are converted without loss', async () => {
  const picture: TestRaster = { ...surface, bands: 3, options: ['PHOTOMETRIC=RGB'] };
  const jp2 = await translated('a.jp2', ['-of', 'JP2OpenJPEG', '-co', 'QUALITY=100', '-co', 'REVERSIBLE=YES'], picture);
  const img = await translated('a.img', ['-of', 'HFA'], picture);
  for (const file of [jp2, img]) {
    const { cog, validation } = await converted(file, { target_crs: 'EPSG:32633' });
    assert.equal(validation.source_crs, 'EPSG:32633');
    assertSamePlace(cog.file, file);
    assert.deepEqual(pixelsOf(cog.file).bands, pixelsOf(file).bands);
  }
  const png = await translated('a.png', ['-of', 'PNG', '-co', 'WORLDFILE=YES'], picture);
  await jobs.stack.upload(path('a.wld'), 'pictures/a.wld');
  const raster = await jobs.stack.upload(png, 'pictures/a.png');
  const { cogs } = await jobs.convertBlob(raster, { input_crs: 'EPSG:32633', target_crs: 'EPSG:32633' });
  assert.deepEqual((await gdalinfo(cogs[0]?.file ?? '')).geoTransform, [500000, 10, 0, 5500000, 0, -10]);
  assert.deepEqual(pixelsOf(cogs[0]?.file ?? '').bands, pixelsOf(png).bands);
  // The world file holds the place, the file of GDAL the CRS.
  await jobs.stack.upload(path('a.wld'), 'with side files/a.wld');
  await jobs.stack.upload(path('a.png.aux.xml'), 'with side files/a.png.aux.xml');
  const described = await jobs.convertBlob(await jobs.stack.upload(png, 'with side files/a.png'));
  assert.equal(described.validation.source_crs, 'EPSG:32633');
  await refused(png, 'RASTER_UNSUPPORTED', { input_crs: 'EPSG:32633' });
  await refused(png, 'CRS_MISSING');
});

test('NetCDF: of several variables one must be named', async () => {
  const file = sample('bcsd_obs_1999.nc');
  const failure = await refused(await copied(file, 'climate.nc'), 'SUBDATASET_REQUIRED');
  assert.deepEqual((failure.details as { message: string }[]).map(({ message }) => message).sort(), ['pr', 'tas']);
  await refused(path('climate.nc'), 'SUBDATASET_NOT_FOUND', { subdataset: 'wind' });
  await refused(path('climate.nc'), 'CRS_MISSING', { subdataset: 'pr' });
  const names: string[] = [];
  for (const subdataset of ['pr', 'tas']) {
    const { cog } = await converted(path('climate.nc'), { subdataset, input_crs: 'EPSG:4326' });
    assert.equal(cog.reprojection_performed, false);
    const source = pixelsOf(`NETCDF:"${file}":${subdataset}`);
    assert.equal(source.bands.length, 12);
    assert.deepEqual(pixelsOf(cog.file).bands, source.bands);
    names.push(cog.cog_blob);
  }
  assert.deepEqual(
    names.map((name) => name.slice(name.indexOf('/') + 1)),
    ['climate_pr_cog_analysis.tif', 'climate_tas_cog_analysis.tif'],
  );
});

async function copied(file: string, name: string): Promise<string> {
  await copyFile(file, path(name));
  return path(name);
}

test('whole numbers of 16 bits: a surface is told from classes', async () => {
  const high = { ...surface, type: 'Int16', value: (x: number, y: number) => 10 * hills(x, y, 1) };
  const dem = await converted(writeRaster(path('heights.tif'), high));
  assert.equal(dem.validation.raster_type.detected_type, 'dem');
  const blocks = { ...high, value: (x: number, y: number) => (Math.floor(x / 9) * 7 + Math.floor(y / 9) * 5) % 12 };
  const classes = await converted(writeRaster(path('classes.tif'), blocks));
  assert.equal(classes.validation.raster_type.detected_type, 'unknown');
});

test('bounds where no such CRS is used: a warning', async () => {
  const file = await translated('swapped.tif', ['-a_ullr', '5500000', '503000', '5502000', '500000']);
  assert.ok((await converted(file)).codes.includes('SUSPICIOUS_BOUNDS'));
});

test('names of blobs: Unicode, quotes, spaces, percent signs', async () => {
  const file = writeRaster(path('named.tif'), surface);
  for (const name of [
    'Höhe über "Null" \'1\'.tif',
    'a b/c d.tif',
    ' leading space.tif',
    ' a folder/ and a file.tif',
    '100%25 &?#+=.tif',
    '雪山/ñ.tif',
    "x' OR '1'='1.tif",
  ]) {
    for (const in_memory of [true, false]) {
      const { cogs } = await jobs.convertBlob(await jobs.stack.upload(file, name), { in_memory });
      assert.equal(cogs[0]?.cog_blob, name.replace('.tif', '_cog_analysis.tif'));
    }
  }
});

test('containers and blobs that cannot be', async () => {
  for (const [container_name, blob_name, code] of [
    ['../x', 'a.tif', 'CONTAINER_NOT_FOUND'],
    ["c' OR 1=1", 'a.tif', 'CONTAINER_NOT_FOUND'],
    ['nosuchcontainer', 'a.tif', 'CONTAINER_NOT_FOUND'],
    [container, '../other/a.tif', 'FILE_NOT_FOUND'],
    [container, 'none.tif', 'FILE_NOT_FOUND'],
  ] as const) {
    await assert.rejects(jobs.convertBlob({ container: container_name, name: blob_name }), { code });
  }
});
