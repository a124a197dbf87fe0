import assert from 'node:assert/strict';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLog } from '../../core/log.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';
import { localSource, type TestRaster, truncate, writeRaster } from '../tools/gdal-files.ts';
import { program } from '../tools/program.ts';

let folder = '';
let gdal: Gdal;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gdal-has-data-'));
  gdal = await openGdal({ processes: 1, log: silentLog, cacheMb: 64 });
});
after(async () => {
  await gdal?.close();
  await rm(folder, { recursive: true, force: true });
});

const side = 700;
let files = 0;
function raster(options: Partial<TestRaster>): string {
  files += 1;
  return writeRaster(join(folder, `${files}.tif`), { width: side, height: side, ...options });
}

const hasData = (path: string) => gdal.hasData(localSource(path));

test('one valid pixel of those that are looked at is enough, wherever it is and in whichever band', async () => {
  const cases = [
    [side - 1, side - 1],
    [side / 2, side / 2],
    [side * 0.1, side * 0.1],
    [side * 0.9, side * 0.1],
  ];
  for (const [column, row] of cases) {
    const value = (x: number, y: number, band: number) => (x === column && y === row && band === 2 ? 9 : 0);
    assert.equal(await hasData(raster({ bands: 3, nodata: 0, value })), true, `${column}, ${row}`);
  }
});

test('nodata, not-a-number, a mask and an alpha band without a gap say that there is none', async () => {
  const alpha = { bands: 4, options: ['ALPHA=YES', 'PHOTOMETRIC=RGB'] };
  const empty = raster({ ...alpha, value: (_x, _y, band) => (band === 4 ? 0 : 200) });
  assert.equal(await hasData(empty), false);
  const masked = join(folder, 'masked.tif');
  const mask = ['--config', 'GDAL_TIFF_INTERNAL_MASK', 'YES', '-b', '1', '-b', '2', '-b', '3', '-mask', '4'];
  await program('gdal_translate', ['-q', ...mask, empty, masked]);
  assert.equal(await hasData(masked), false);
  assert.equal(await hasData(raster({ nodata: 7, value: () => 7 })), false);
  assert.equal(await hasData(raster({ type: 'Float32', nodata: -3.4e38, value: () => -3.4e38 })), false);
  assert.equal(await hasData(raster({ type: 'Float32', value: () => Number.NaN })), false);
  assert.equal(await hasData(raster({ ...alpha, value: () => 200 })), true);
  assert.equal(await hasData(raster({ value: () => 0 })), true);
});

test('a raster of one pixel, and one of alpha alone', async () => {
  assert.equal(await hasData(raster({ width: 1, height: 1 })), true);
  const alone = raster({ options: ['ALPHA=YES'], value: () => 255 });
  assert.equal(await hasData(alone), true);
});

test('overviews are looked at where there are any: they hold the data that lies between the places', async () => {
  const value = (x: number) => (x >= 150 && x < 200 ? 90 : 0);
  const path = raster({ nodata: 0, value });
  assert.equal(await hasData(path), false);
  await program('gdaladdo', ['-q', '-r', 'average', path, '16', '64']);
  assert.equal(await hasData(path), true);
});

test('of a raster whose last pixel is valid nothing else is read', async () => {
  const path = raster({});
  const { size } = await stat(path);
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(size >> 2, 0xff), 0, size >> 2, size >> 2);
  await file.close();
  await assert.rejects(gdal.readPixels(localSource(path), { width: side, height: side }), { code: 'FILE_UNREADABLE' });
  assert.equal(await hasData(path), true);
});

test('a truncated file is FILE_UNREADABLE, whatever its format', async () => {
  const whole = raster({});
  for (const [format, extension] of [
    ['GTiff', 'tif'],
    ['PNG', 'png'],
    ['JPEG', 'jpg'],
  ] as const) {
    const copy = join(folder, `whole.${extension}`);
    await program('gdal_translate', ['-q', '-of', format, '--config', 'GDAL_PAM_ENABLED', 'NO', whole, copy]);
    const path = await truncate(copy, join(folder, `truncated.${extension}`), 0.6);
    await assert.rejects(hasData(path), { code: 'FILE_UNREADABLE' }, format);
  }
});
