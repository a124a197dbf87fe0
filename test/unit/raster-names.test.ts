import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { cogBlobName } from '../../handlers/raster/names.ts';
import { outputFolder, rasterBlobName } from '../../handlers/raster/parameters.ts';
import { processRaster } from '../../jobs/process-raster.ts';

test('names of COGs', () => {
  const name = (blobName: string, folder: string | null = null, subdataset: string | null = null) =>
    cogBlobName({ blobName, folder, subdataset, tier: 'analysis' });
  assert.equal(name('a/b/scene.v2.tif'), 'a/b/scene.v2_cog_analysis.tif');
  assert.equal(name('scene.TIFF', 'out/2024'), 'out/2024/scene_cog_analysis.tif');
  assert.equal(name('a.b/scene.tif'), 'a.b/scene_cog_analysis.tif');
  assert.equal(name('climate.nc', null, 'pr/x y'), 'climate_pr_x_y_cog_analysis.tif');
  assert.equal(name('Élévation d’été 1.tif', 'Ordner ü'), 'Ordner ü/Élévation d’été 1_cog_analysis.tif');
});

test('a folder for the output stays in the container', () => {
  for (const [given, kept] of [
    ['a/b', 'a/b'],
    ['a/b/', 'a/b'],
    ['  a//', 'a'],
    ['Ordner ü/1', 'Ordner ü/1'],
  ] as const) {
    assert.equal(outputFolder.parse(given), kept);
  }
  for (const hostile of [
    '/a',
    '../x',
    'a/../b',
    './a',
    'a/.',
    'a\\b',
    'C:/x',
    'a//b',
    'a\0b',
    'a\nb',
    'x'.repeat(2000),
  ]) {
    assert.equal(outputFolder.safeParse(hostile).success, false, JSON.stringify(hostile.slice(0, 20)));
  }
});

test('names of sources: any Unicode, the known extensions, no control characters', () => {
  for (const name of ['a.tif', 'A.TIFF', 'a b/ü "x" \'y\'.jp2', 'x.png', 'x.img', 'x.nc', '雪山.tif']) {
    assert.equal(rasterBlobName.parse(name), name);
  }
  for (const name of ['', '   ', 'a.jpg', 'a.tif.txt', 'tif', '.tif/', `${'x'.repeat(1030)}.tif`]) {
    assert.equal(rasterBlobName.safeParse(name).success, false, JSON.stringify(name.slice(0, 20)));
  }
});

const code = (expected: string) => (error: unknown) => error instanceof CoreMachineError && error.code === expected;

test('hostile parameters are refused before anything is looked up', async () => {
  const good = { container_name: 'c', blob_name: 'a.tif' };
  for (const [bad, expected] of [
    [{}, 'INVALID_PARAMETERS'],
    [{ ...good, blob_name: 7 }, 'INVALID_PARAMETERS'],
    [{ ...good, blob_name: 'a\0.tif' }, 'INVALID_PARAMETERS'],
    [{ ...good, container_name: 'x'.repeat(64) }, 'INVALID_PARAMETERS'],
    [{ ...good, blob_name: `${'x'.repeat(900)}.tif`, output_folder: 'y'.repeat(200) }, 'INVALID_PARAMETERS'],
    [{ ...good, output_folder: '../../etc' }, 'INVALID_PARAMETERS'],
    [{ ...good, output_folder: 'a\0b' }, 'INVALID_PARAMETERS'],
    [{ ...good, output_tier: 'best' }, 'INVALID_PARAMETERS'],
    [{ ...good, jpeg_quality: 101 }, 'INVALID_PARAMETERS'],
    [{ ...good, jpeg_quality: '85' }, 'INVALID_PARAMETERS'],
    [{ ...good, target_crs: 'WGS84' }, 'INVALID_PARAMETERS'],
    [{ ...good, target_crs: '/etc/passwd' }, 'INVALID_PARAMETERS'],
    [{ ...good, collection_id: 'a b' }, 'INVALID_PARAMETERS'],
    [{ ...good, collection_id: '..' }, 'INVALID_PARAMETERS'],
    [{ ...good, item_id: '.' }, 'INVALID_PARAMETERS'],
    [{ ...good, item_id: '"; DROP' }, 'INVALID_PARAMETERS'],
    [{ ...good, raster_type: 'unknown' }, 'INVALID_PARAMETERS'],
    [{ ...good, in_memory: 'yes' }, 'INVALID_PARAMETERS'],
    [{ ...good, strikt_mode: true }, 'INVALID_PARAMETERS'],
    [{ ...good, subdataset: 'x'.repeat(5 * 1024 * 1024) }, 'PARAMETERS_TOO_LARGE'],
  ] as const) {
    await assert.rejects(runJob(processRaster, bad), code(expected), JSON.stringify(bad).slice(0, 200));
  }
});
