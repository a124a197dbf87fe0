import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLog } from '../../core/log.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';
import { gdalinfo } from '../tools/gdal-cli.ts';
import { levelsOf, localSource, writeRaster } from '../tools/gdal-files.ts';
import { program } from '../tools/program.ts';

let folder = '';
let gdal: Gdal;
let source = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gdal-tools-'));
  await mkdir(join(folder, 'scratch'));
  gdal = await openGdal({ processes: 2, log: silentLog, cacheMb: 64, tempFolder: join(folder, 'scratch') });
  source = writeRaster(join(folder, 'source.tif'), { width: 600, height: 400, bands: 3 });
});
after(async () => {
  await gdal?.close();
  await rm(folder, { recursive: true, force: true });
});

test('the capabilities are those of the installed GDAL', async () => {
  const { capabilities } = gdal;
  const { stdout } = await program('gdalinfo', ['--version']);
  const [, version = ''] = /GDAL (\d+\.\d+\.\d+)/.exec(stdout) ?? [];
  assert.equal(capabilities.version, version);
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  assert.equal(capabilities.versionNumber, major * 1_000_000 + minor * 10_000 + patch * 100);
  const format = (await program('gdalinfo', ['--format', 'COG'])).stdout;
  for (const name of capabilities.cogCompressions) assert.ok(format.includes(`<Value>${name}</Value>`), name);
  assert.ok(capabilities.cogCompressions.includes('DEFLATE'));
  assert.equal(capabilities.cogInterleave, format.includes("'INTERLEAVE'"));
  assert.ok(capabilities.drivers.includes('GTiff') && capabilities.drivers.includes('COG'));
});

test('info is what gdalinfo says, with the flags given', async () => {
  const info = await gdal.info(localSource(source), ['-checksum']);
  const reference = await gdalinfo(source, ['-checksum']);
  assert.deepEqual(info.size, reference.size);
  assert.deepEqual(info.bands, JSON.parse(JSON.stringify(reference.bands)));
});

test('statistics are computed without a file beside the source', async () => {
  const names = await readdir(folder);
  const info = await gdal.info(localSource(source), ['-stats']);
  const [band] = info.bands as { minimum: number; maximum: number }[];
  assert.deepEqual([band?.minimum, band?.maximum], [0, 255]);
  assert.deepEqual(await readdir(folder), names);
});

test('info of a raster without one valid pixel is no failure', async () => {
  const path = writeRaster(join(folder, 'void.tif'), { width: 50, height: 40, nodata: 7, value: () => 7 });
  const info = await gdal.info(localSource(path), ['-stats']);
  assert.equal((info.bands as { minimum?: number }[])[0]?.minimum, undefined);
});

test('info survives a nodata value that is no number', async () => {
  const path = writeRaster(join(folder, 'nan.tif'), { width: 50, height: 40, type: 'Float32', nodata: Number.NaN });
  const [band] = (await gdal.info(localSource(path))).bands as { noDataValue: unknown }[];
  assert.equal(band?.noDataValue, 'NaN');
});

test('gdalwarp makes the same pixels as the program', async () => {
  const args = ['-t_srs', 'EPSG:4326', '-r', 'bilinear', '-co', 'TILED=YES'];
  const [made, expected] = [join(folder, 'warped.tif'), join(folder, 'warped-reference.tif')];
  await gdal.run({ tool: 'gdalwarp', source: localSource(source), destination: made, args });
  await program('gdalwarp', ['-q', ...args, source, expected]);
  assert.deepEqual(await checksums(made), await checksums(expected));
  assert.deepEqual((await gdalinfo(made)).geoTransform, (await gdalinfo(expected)).geoTransform);
});

test('gdaladdo puts overviews into the file, gdal_translate keeps them', async () => {
  const plain = join(folder, 'plain.tif');
  await gdal.run({
    tool: 'gdal_translate',
    source: localSource(source),
    destination: plain,
    args: ['-co', 'TILED=YES'],
  });
  await gdal.run({ tool: 'gdaladdo', file: plain, resampling: 'average', levels: [2, 4], args: [] });
  const destination = join(folder, 'banded.tif');
  const args = ['COPY_SRC_OVERVIEWS=YES', 'TILED=YES', 'INTERLEAVE=BAND', 'COMPRESS=DEFLATE'];
  await gdal.run({
    tool: 'gdal_translate',
    source: localSource(plain),
    destination,
    args: args.flatMap((option) => ['-co', option]),
  });
  const sizes = (await gdalinfo(destination)).bands.map((band) => band.overviews?.map(({ size }) => size));
  assert.deepEqual(
    sizes,
    Array(3).fill([
      [300, 200],
      [150, 100],
    ]),
  );
  assert.ok(!(await readdir(folder)).some((name) => name.endsWith('.ovr')));
});

test('a pyramid has the pixels, the masks and the overviews that gdal_translate and gdaladdo make', async () => {
  // Far from its zone's meridian, so that warping turns it and leaves corners.
  const file = join(folder, 'turned.tif');
  const turned = writeRaster(file, { width: 600, height: 400, bands: 3, origin: [200_000, 5_500_000] });
  const warped = join(folder, 'with-alpha.tif');
  await program('gdalwarp', ['-q', '-t_srs', 'EPSG:4326', '-r', 'cubic', '-dstalpha', turned, warped]);
  const expected = join(folder, 'masked.tif');
  const bands = ['-b', '1', '-b', '2', '-b', '3', '-mask', '4'];
  const internal = ['--config', 'GDAL_TIFF_INTERNAL_MASK', 'YES'];
  await program('gdal_translate', ['-q', ...internal, ...bands, warped, expected]);
  await program('gdaladdo', ['-q', '-r', 'cubic', expected, '2', '4']);
  const vrt = join(folder, 'pyramid.vrt');
  const options = ['-co', 'TILED=YES'];
  await gdal.run({
    tool: 'pyramid',
    file: warped,
    destination: vrt,
    resampling: 'cubic',
    levels: [2, 4],
    options,
    args: [],
  });
  const made = join(folder, 'from-pyramid.tif');
  const args = ['-co', 'COPY_SRC_OVERVIEWS=YES', '-co', 'TILED=YES'];
  const config = { GDAL_TIFF_INTERNAL_MASK: 'YES' };
  await gdal.run({ tool: 'gdal_translate', source: localSource(vrt), destination: made, args }, { config });
  assert.deepEqual(levelsOf(made), levelsOf(expected));
  assert.ok(levelsOf(made).some((level) => level.mask.includes(0) && level.mask.includes(255)));
  assert.equal((await gdalinfo(made)).bands[0]?.mask?.flags?.[0], 'PER_DATASET');
  assert.ok((await gdalinfo(made)).bands[2]?.metadata['']?.STATISTICS_MEAN);
});

test('gdalbuildvrt makes a mosaic that is read as a source', async () => {
  const right = join(folder, 'right.tif');
  await program('gdal_translate', ['-q', '-a_ullr', '506000', '5500000', '512000', '5496000', source, right]);
  const mosaic = join(folder, 'mosaic.vrt');
  await gdal.run({ tool: 'gdalbuildvrt', sources: [source, right].map(localSource), destination: mosaic, args: [] });
  assert.deepEqual((await gdal.info(localSource(mosaic))).size, [1200, 400]);
});

test('options of one operation do not stay for the next', async () => {
  const sidecar = join(folder, 'picture.png.aux.xml');
  const command = {
    tool: 'gdal_translate',
    source: localSource(source),
    destination: join(folder, 'picture.png'),
    args: ['-of', 'PNG'],
  } as const;
  await gdal.run(command, { config: { GDAL_PAM_ENABLED: 'YES' } });
  assert.ok((await readdir(folder)).includes('picture.png.aux.xml'));
  await rm(sidecar);
  for (const name of ['a.png', 'b.png', 'c.png']) await gdal.run({ ...command, destination: join(folder, name) });
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith('.aux.xml')),
    [],
  );
});

test('parallel operations do not disturb each other', async () => {
  const expected = await checksums(source);
  const outputs = Array.from({ length: 6 }, (_, index) => join(folder, `parallel-${index}.tif`));
  await Promise.all(
    outputs.map((destination, index) => {
      const args = ['-co', `COMPRESS=${index % 2 ? 'LZW' : 'DEFLATE'}`];
      return gdal.run({ tool: 'gdal_translate', source: localSource(source), destination, args });
    }),
  );
  for (const output of outputs) assert.deepEqual(await checksums(output), expected);
});

test('nothing is left in the temporary folder', async () => {
  assert.deepEqual(await readdir(join(folder, 'scratch')), []);
});

async function checksums(path: string): Promise<readonly (number | undefined)[]> {
  return (await gdalinfo(path, ['-checksum'])).bands.map((band) => band.checksum);
}
