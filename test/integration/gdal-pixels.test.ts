import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLog } from '../../core/log.ts';
import type { Gdal, PixelWindow } from '../../core/ports/gdal.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';
import { localSource, type TestRaster, writeRaster } from '../tools/gdal-files.ts';
import { program } from '../tools/program.ts';

let folder = '';
let gdal: Gdal;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gdal-pixels-'));
  gdal = await openGdal({ processes: 1, log: silentLog, cacheMb: 64 });
});
after(async () => {
  await gdal?.close();
  await rm(folder, { recursive: true, force: true });
});

let files = 0;
function raster(options: TestRaster): string {
  files += 1;
  return writeRaster(join(folder, `${files}.tif`), options);
}

function read(path: string, window: Partial<Parameters<Gdal['readPixels']>[1]> = {}): Promise<PixelWindow> {
  return gdal.readPixels(localSource(path), { width: 4, height: 2, ...window });
}

const valid = (window: PixelWindow) => [...window.mask].map((value) => (value === 255 ? 1 : value));

test('bands come in their own type and order', async () => {
  const types: readonly (readonly [string, string])[] = [
    ['Byte', 'Uint8Array'],
    ['UInt16', 'Uint16Array'],
    ['Int16', 'Int16Array'],
    ['UInt32', 'Uint32Array'],
    ['Int32', 'Int32Array'],
    ['Float32', 'Float32Array'],
    ['Float64', 'Float64Array'],
    ['CFloat32', 'Float64Array'],
  ];
  for (const [type, array] of types) {
    const path = raster({ width: 4, height: 2, bands: 2, type, value: (x, y, band) => x + 10 * y + 100 * (band - 1) });
    const window = await read(path);
    assert.deepEqual(
      window.bands.map((band) => band.constructor.name),
      [array, array],
    );
    assert.deepEqual([...(window.bands[0] ?? [])], [0, 1, 2, 3, 10, 11, 12, 13], type);
    assert.deepEqual([...(window.bands[1] ?? [])], [100, 101, 102, 103, 110, 111, 112, 113], type);
    assert.deepEqual(valid(window), [1, 1, 1, 1, 1, 1, 1, 1]);
  }
});

test('the raster is resampled to the window asked for', async () => {
  const path = raster({ width: 8, height: 4, value: (x) => x * 10 });
  const average = await read(path, { resampling: 'average' });
  assert.deepEqual([...(average.bands[0] ?? [])], [5, 25, 45, 65, 5, 25, 45, 65]);
  const [nearest] = (await read(path)).bands;
  assert.ok([...(nearest ?? [])].every((value) => value % 10 === 0));
});

test('only the bands asked for, in the order asked for', async () => {
  const path = raster({ width: 4, height: 2, bands: 3, value: (_x, _y, band) => band });
  const { bands } = await read(path, { bands: [3, 1] });
  assert.deepEqual(
    bands.map((band) => band[0]),
    [3, 1],
  );
});

test('nodata: a pixel is masked where every band has none', async () => {
  const value = (x: number, _y: number, band: number) => (x === 0 || (x === 1 && band === 1) ? 7 : 50);
  const path = raster({ width: 4, height: 2, bands: 2, nodata: 7, value });
  assert.deepEqual(valid(await read(path)), [0, 1, 1, 1, 0, 1, 1, 1]);
});

test('nodata of 32-bit floats, and not-a-number with and without being declared', async () => {
  const low = raster({ width: 4, height: 2, type: 'Float32', nodata: -3.4e38, value: (x) => (x === 2 ? -3.4e38 : x) });
  assert.deepEqual(valid(await read(low)), [1, 1, 0, 1, 1, 1, 0, 1]);
  for (const nodata of [{ nodata: Number.NaN }, {}]) {
    const value = (x: number) => (x === 3 ? Number.NaN : x);
    const path = raster({ width: 4, height: 2, type: 'Float32', value, ...nodata });
    assert.deepEqual(valid(await read(path)), [1, 1, 1, 0, 1, 1, 1, 0]);
  }
});

test('alpha and mask bands decide where there are any', async () => {
  const value = (x: number, _y: number, band: number) => (band === 4 ? (x < 2 ? 0 : 200) : 9);
  const path = raster({ width: 4, height: 2, bands: 4, options: ['ALPHA=YES', 'PHOTOMETRIC=RGB'], value });
  const all = await read(path);
  assert.equal(all.bands.length, 4);
  assert.deepEqual(valid(all), [0, 0, 1, 1, 0, 0, 1, 1]);
  const masked = join(folder, 'masked.tif');
  const config = ['--config', 'GDAL_TIFF_INTERNAL_MASK', 'YES'];
  await program('gdal_translate', ['-q', ...config, '-b', '1', '-b', '2', '-b', '3', '-mask', '4', path, masked]);
  assert.deepEqual(valid(await read(masked)), [0, 0, 1, 1, 0, 0, 1, 1]);
});

test('a large window crosses the process boundary whole', async () => {
  const path = raster({ width: 2000, height: 1500, bands: 3 });
  const window = await read(path, { width: 2000, height: 1500 });
  assert.deepEqual(
    window.bands.map((band) => band.length),
    [3_000_000, 3_000_000, 3_000_000],
  );
  assert.equal(window.mask.length, 3_000_000);
});

test('what cannot be asked for is refused', async () => {
  const path = raster({ width: 4, height: 2 });
  for (const window of [
    { bands: [2] },
    { bands: [0] },
    { resampling: 'sharp' },
    { width: 0 },
    { width: 1e9, height: 1e9 },
  ]) {
    await assert.rejects(read(path, window), { code: 'RASTER_UNSUPPORTED' });
  }
});
