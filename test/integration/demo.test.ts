import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import gdal from 'gdal-async';
import { runDemo } from '../tools/demo.ts';

test('./run demo: files of one name are kept apart, one that is refused stops none of the others', {
  timeout: 180_000,
}, async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'coremachine-demo-'));
  try {
    await mkdir(join(cwd, 'other'));
    writeRaster(join(cwd, 'tiny.tif'), 11);
    await writeFile(join(cwd, 'bad.jpg'), 'no picture');
    writeRaster(join(cwd, 'other', 'tiny.tif'), 12);
    const { code, output } = await runDemo({ cwd, files: ['tiny.tif', 'bad.jpg', 'other/tiny.tif'] });
    assert.equal(code, 1, output);
    assert.match(output, /\nbad\.jpg\n {2}failed: INVALID_PARAMETERS: /);
    assert.match(output, /\n2 of 3 rasters processed; /);
    for (const stage of ['1/3 validate', '2/3 create_cog', '3/3 create_stac']) {
      assert.equal(output.split(`  stage ${stage} `).length, 3, stage);
    }
    for (const [folder, longitude] of [
      ['1', 11],
      ['3', 12],
    ] as const) {
      const files = await readdir(join(cwd, 'out', folder));
      assert.deepEqual(files.sort(), ['tiny.json', 'tiny.webp', 'tiny_cog_analysis.tif']);
      const item = JSON.parse(await readFile(join(cwd, 'out', folder, 'tiny.json'), 'utf8'));
      assert.equal(Math.floor(item.bbox[0] + 0.01), longitude);
      const picture = await readFile(join(cwd, 'out', folder, 'tiny.webp'));
      assert.equal(picture.toString('latin1', 8, 12), 'WEBP');
    }
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});

/** 64 x 64 pixels of a hundredth of a degree, its corner at this longitude and 50 degrees north. */
function writeRaster(file: string, longitude: number): void {
  const dataset = gdal.open(file, 'w', 'GTiff', 64, 64, 1, gdal.GDT_Byte);
  dataset.srs = gdal.SpatialReference.fromEPSG(4326);
  dataset.geoTransform = [longitude, 0.01, 0, 50, 0, -0.01];
  dataset.bands.get(1).pixels.write(
    0,
    0,
    64,
    64,
    Uint8Array.from({ length: 64 * 64 }, (_, index) => 1 + (index % 250)),
  );
  dataset.close();
}
