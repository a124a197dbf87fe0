import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLog } from '../../core/log.ts';
import type { Gdal, GdalCommand } from '../../core/ports/gdal.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';
import { type BadFiles, localSource, truncate, writeBadFiles, writeRaster } from '../tools/gdal-files.ts';
import { program } from '../tools/program.ts';

let folder = '';
let out = '';
let gdal: Gdal;
let good = '';
let bad: BadFiles;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gdal-errors-'));
  out = join(folder, 'out');
  await mkdir(out);
  gdal = await openGdal({ processes: 2, log: silentLog, cacheMb: 64, tempFolder: join(folder, 'scratch') });
  good = writeRaster(join(folder, 'good.tif'), { width: 200, height: 100 });
  bad = await writeBadFiles(folder);
});
after(async () => {
  await gdal?.close();
  await rm(folder, { recursive: true, force: true });
});

const warp = (path: string, args: readonly string[] = []): GdalCommand => ({
  tool: 'gdalwarp',
  source: localSource(path),
  destination: join(out, 'warped.tif'),
  args: ['-t_srs', 'EPSG:3857', ...args],
});
const cog = (path: string): GdalCommand => ({
  tool: 'gdal_translate',
  source: localSource(path),
  destination: join(out, 'cog.tif'),
  args: ['-of', 'COG'],
});
const mosaic = (...paths: readonly string[]): GdalCommand => ({
  tool: 'gdalbuildvrt',
  sources: paths.map(localSource),
  destination: join(out, 'mosaic.vrt'),
  args: [],
});

test('an empty file and a text are FILE_UNREADABLE for every tool', async () => {
  for (const path of [bad.empty, bad.text]) {
    const source = localSource(path);
    await assert.rejects(gdal.info(source), unreadable, path);
    await assert.rejects(gdal.readPixels(source, { width: 5, height: 5 }), unreadable, path);
    for (const command of [warp(path), cog(path), mosaic(good, path)])
      await assert.rejects(gdal.run(command), unreadable);
    const overviews = { tool: 'gdaladdo', file: path, resampling: 'average', levels: [2], args: [] } as const;
    await assert.rejects(gdal.run(overviews), unreadable);
  }
  assert.deepEqual(await readdir(out), []);
});

test('a truncated file opens, and is FILE_UNREADABLE as soon as its pixels are needed', async () => {
  const source = localSource(bad.truncated);
  assert.deepEqual((await gdal.info(source)).size, [1000, 800]);
  await assert.rejects(gdal.info(source, ['-stats']), unreadable);
  await assert.rejects(gdal.info(source, ['-checksum']), unreadable);
  await assert.rejects(gdal.readPixels(source, { width: 1000, height: 800 }), unreadable);
  const threads = ['-multi', '-wo', 'NUM_THREADS=ALL_CPUS'];
  for (const command of [warp(bad.truncated), warp(bad.truncated, threads), cog(bad.truncated)]) {
    await assert.rejects(gdal.run(command), unreadable);
  }
  assert.deepEqual(await readdir(out), []);
});

test('so are a truncated PNG and a truncated JPEG', async () => {
  for (const [format, extension] of [
    ['PNG', 'png'],
    ['JPEG', 'jpg'],
  ] as const) {
    const whole = join(folder, `whole.${extension}`);
    await program('gdal_translate', ['-q', '-of', format, '--config', 'GDAL_PAM_ENABLED', 'NO', good, whole]);
    const path = await truncate(whole, join(folder, `truncated.${extension}`), 0.6);
    await assert.rejects(gdal.run(cog(path)), unreadable, format);
    await assert.rejects(gdal.readPixels(localSource(path), { width: 200, height: 100 }), unreadable, format);
  }
});

test('a vector file is no raster', async () => {
  const path = join(folder, 'points.geojson');
  await writeFile(path, '{"type":"FeatureCollection","features":[]}');
  await assert.rejects(gdal.info(localSource(path)), unreadable);
});

test('a missing file is FILE_NOT_FOUND', async () => {
  await assert.rejects(gdal.info(localSource(join(folder, 'none.tif'))), {
    code: 'FILE_NOT_FOUND',
    message: "there is no file 'none.tif'",
  });
});

test('what GDAL refuses is RASTER_UNSUPPORTED', async () => {
  const translate = { tool: 'gdal_translate', source: localSource(good), destination: join(out, 'x.tif') } as const;
  for (const args of [['-nonsense'], ['-of', 'NoSuchDriver'], ['-oo', 'A=B']]) {
    await assert.rejects(gdal.run({ ...translate, args }), { code: 'RASTER_UNSUPPORTED', retryable: false });
  }
  const overviews = { tool: 'gdaladdo', file: good, resampling: 'average', levels: [2], args: ['-clean'] } as const;
  await assert.rejects(gdal.run(overviews), { code: 'RASTER_UNSUPPORTED' });
});

test('a destination that cannot be written is GDAL_FAILED, without the folders of this machine', async () => {
  const destination = join(folder, 'no-such-folder', 'x.tif');
  const command = { tool: 'gdal_translate', source: localSource(good), destination, args: [] } as const;
  await assert.rejects(gdal.run(command), (error: Error & { code: string; retryable: boolean }) => {
    assert.deepEqual([error.code, error.retryable], ['GDAL_FAILED', true]);
    assert.ok(error.message.includes('x.tif') && !error.message.includes(folder), error.message);
    return true;
  });
});

test('a full disk is GDAL_FAILED and not the fault of the source', async (context) => {
  const small = join(folder, 'small-disk');
  await mkdir(small);
  const mounted = await program('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', small]).catch(() => null);
  if (!mounted) return context.skip('this machine does not let the test mount a small disk');
  try {
    const source = writeRaster(join(folder, 'large.tif'), { width: 2000, height: 2000 });
    const destination = join(small, 'x.tif');
    await assert.rejects(
      gdal.run({ tool: 'gdal_translate', source: localSource(source), destination, args: ['-co', 'TILED=YES'] }),
      { code: 'GDAL_FAILED', retryable: true },
    );
    assert.deepEqual(await readdir(small), []);
  } finally {
    await program('umount', [small]);
  }
});

test('a VRT from outside is refused under any name: it could read any file', async () => {
  const vrt = join(folder, 'made.vrt');
  await gdal.run({ ...mosaic(good), destination: vrt } as GdalCommand);
  assert.deepEqual((await gdal.info(localSource(vrt))).size, [200, 100]);
  const disguised = join(folder, 'scene.tif');
  await copyFile(vrt, disguised);
  await assert.rejects(gdal.info(localSource(disguised)), { code: 'RASTER_UNSUPPORTED' });
  await assert.rejects(gdal.run(cog(disguised)), { code: 'RASTER_UNSUPPORTED' });
});

test('the description of a web service is no raster, and nobody calls the service', async () => {
  let calls = 0;
  const server = createServer((_request, response) => {
    calls += 1;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const tiles = `<Service name="TMS"><ServerUrl>${url}\${z}</ServerUrl></Service><DataWindow><SizeX>9</SizeX></DataWindow>`;
  const path = join(folder, 'service.tif');
  for (const text of [
    `<GDAL_WMS>${tiles}</GDAL_WMS>`,
    `<WCS_GDAL><ServiceURL>${url}</ServiceURL><CoverageName>a</CoverageName></WCS_GDAL>`,
    `<GDAL_WMTS><GetCapabilitiesUrl>${url}</GetCapabilitiesUrl></GDAL_WMTS>`,
  ]) {
    await writeFile(path, text);
    await assert.rejects(gdal.info(localSource(path)), unreadable);
  }
  server.close();
  assert.equal(calls, 0);
});

test('a file that was there before a failed run is still there', async () => {
  const existing = join(out, 'warped.tif');
  await copyFile(good, existing);
  await assert.rejects(gdal.run(warp(bad.text)), unreadable);
  assert.deepEqual(await readdir(out), ['warped.tif']);
  await rm(existing);
});

function unreadable(error: Error & { code?: string; retryable?: boolean }): true {
  assert.equal(error.code, 'FILE_UNREADABLE', error.message);
  assert.equal(error.retryable, false);
  assert.ok(!error.message.includes(folder), error.message);
  assert.ok(error.message.length > 15, error.message);
  return true;
}
