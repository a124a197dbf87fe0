import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { gdalCli } from '../tools/gdal-cli.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { assertSeamless, largeJobs, wholeWarp, windowsOf } from '../tools/large-raster.ts';
import { pixelsOf } from '../tools/raster-jobs.ts';

const jobs = await largeJobs();
const path = (name: string) => join(jobs.stack.folder, name);

const hills = (x: number, y: number, band: number) =>
  Math.round(90 + 60 * Math.sin((x + 40 * band) / 90) * Math.cos(y / 70) + ((x * 7 + y * 13) % 11));

const rgb = (name: string, width = 1400, height = 1100) =>
  writeRaster(path(name), { width, height, bands: 3, value: hills, options: ['PHOTOMETRIC=RGB'] });

/** A copy in strips of eight rows. */
async function striped(file: string, name: string, flags: readonly string[] = []): Promise<string> {
  await gdalCli('gdal_translate', ['-q', ...flags, '-co', 'BLOCKYSIZE=8', file, path(name)]);
  return path(name);
}

test('RGB, UTM to degrees, cubic: the tiles are the pixels of one whole warp', async () => {
  const file = rgb('rgb.tif');
  const tiled = await jobs.tile(file, { tile_size: 512 });
  assert.equal(tiled.status, 'completed');
  assert.equal(tiled.scheme.source_access, 'direct');
  await assertSeamless(tiled, await wholeWarp(file, tiled, 'EPSG:4326', ['-r', 'cubic', '-dstalpha']), true);
  const { grid } = tiled.scheme.tiling;
  assert.equal(tiled.scheme.grid_dimensions, `${Math.ceil(grid.width / 512)}x${Math.ceil(grid.height / 512)}`);
});

test('a DEM with nodata, bilinear: nothing of a neighbour, no false value at the edge of a hole', async () => {
  const file = writeRaster(path('dem.tif'), {
    width: 1500,
    height: 900,
    type: 'Float32',
    nodata: -9999,
    value: (x, y) => (Math.hypot(x - 700, y - 300) < 150 ? -9999 : 300 + 100 * Math.sin(x / 50) * Math.cos(y / 40)),
  });
  const tiled = await jobs.tile(file, { tile_size: 512, overlap: 16 });
  await assertSeamless(tiled, await wholeWarp(file, tiled, 'EPSG:4326', ['-r', 'bilinear']), false);
});

test('without reprojection the pixels are bit for bit those of the source', async () => {
  const file = rgb('same.tif', 1300, 1030);
  const tiled = await jobs.tile(file, { tile_size: 512, target_crs: 'EPSG:32633' });
  assert.equal(tiled.scheme.grid_dimensions, '3x3');
  assert.equal(tiled.cogs.length, 9);
  await assertSeamless(tiled, file, false);
});

for (const [name, target, flags] of [
  ['RGB', 'EPSG:4326', ['-r', 'cubic', '-dstalpha']],
  ['RGB kept in its CRS', 'EPSG:32633', []],
] as const) {
  test(`strips, ${name}: rows are read once for a row of tiles; the same pixels, nothing left behind`, async () => {
    const file = await striped(rgb(`tiled-${target.slice(5)}.tif`), `strips-${target.slice(5)}.tif`);
    const tiled = await jobs.tile(file, { tile_size: 512, target_crs: target });
    assert.deepEqual(
      [tiled.scheme.source_access, tiled.scheme.batch_size],
      ['prepared', 4 - Number(flags.length === 0)],
    );
    const whole = flags.length === 0 ? file : await wholeWarp(file, tiled, target, flags);
    await assertSeamless(tiled, whole, flags.length > 0);
    assert.equal(tiled.cogs[0]?.reprojection_performed, flags.length > 0);
    assert.deepEqual(await windowsOf(jobs.stack, tiled.jobId), []);
  });
}

test('strips of floats with a decimal geotransform: the same bits as a whole warp', async () => {
  const made = writeRaster(path('floats.tif'), {
    ...{ width: 1400, height: 1300, type: 'Float32', nodata: -9999 },
    value: (x, y) => (x < 40 ? -9999 : 300.1 + 100 * Math.sin(x / 50) * Math.cos(y / 40)),
  });
  const corners = ['400000.3', '5400000.7', '400462.3', '5399571.7'];
  const file = await striped(made, 'decimal.tif', ['-a_ullr', ...corners]);
  const tiled = await jobs.tile(file, { tile_size: 512 });
  assert.equal(tiled.scheme.source_access, 'prepared');
  await assertSeamless(tiled, await wholeWarp(file, tiled, 'EPSG:4326', ['-r', 'bilinear']), false);
});

test('overlap: each tile has its neighbours’ pixels, as far as the grid goes', async () => {
  const file = rgb('overlap.tif', 1300, 700);
  const tiled = await jobs.tile(file, { tile_size: 512, overlap: 20, target_crs: 'EPSG:32633' });
  await assertSeamless(tiled, file, false);
  const sizes = tiled.cogs.map(({ file: cog }) => [pixelsOf(cog).width, pixelsOf(cog).height]);
  assert.deepEqual(
    sizes,
    [532, 552, 296].flatMap((width) => [[width, 532]]).concat([532, 552, 296].map((width) => [width, 208])),
  );
});

test('tiles without a valid pixel are not made and are counted; a single valid pixel is enough', async () => {
  const file = writeRaster(path('sparse.tif'), {
    width: 2048,
    height: 1536,
    type: 'Float32',
    nodata: -1,
    value: (x, y) => (x < 512 && y < 512 ? 5 : x === 1900 && y === 1400 ? 7 : -1),
  });
  const tiled = await jobs.tile(file, { tile_size: 512, target_crs: 'EPSG:32633' });
  assert.deepEqual(
    tiled.cogs.map(({ id }) => id),
    ['tile_0_0', 'tile_2_3'],
  );
  const { features } = tiled.document as { features: JsonObject[] };
  assert.equal(features.length, 12);
});

test('the result: counts, links, one item a tile; submitted again it doubles nothing', async () => {
  const file = rgb('result.tif');
  const blob = await jobs.stack.upload(file, `result-${jobs.stack.container}/scene.tif`);
  const tiled = await jobs.tileBlob(blob, { tile_size: 512, stac_item_id: 'large-result' });
  const { result } = tiled;
  const count = tiled.scheme.tile_count;
  assert.equal(result.job_type, 'process_large_raster');
  assert.deepEqual(Object.keys(result).slice(0, 4), ['job_type', 'job_id', 'source_blob', 'source_container']);
  const { tiling, extraction, cogs, mosaicjson, stac } = result as Record<string, JsonObject>;
  assert.deepEqual([tiling?.grid_dimensions, tiling?.empty_tiles_skipped], [tiled.scheme.grid_dimensions, 0]);
  assert.equal(tiling?.scheme_blob, blob.name.replace('.tif', '_tiling_scheme.geojson'));
  assert.equal(extraction?.tiles_extracted, count);
  assert.deepEqual([cogs?.total_count, cogs?.successful, cogs?.failed, cogs?.failed_tiles], [count, count, 0, []]);
  assert.deepEqual([mosaicjson?.tile_count, mosaicjson?.blob_path], [count, 'large-result.json']);
  assert.deepEqual([stac?.stac_id, stac?.items_created], ['large-result', count]);
  assert.match(String(result.share_url), new RegExp(`/searches/${stac?.search_id}/`));
  assert.deepEqual(result.tasks_by_status, { completed: 4 + count, failed: 0 });
  await jobs.tileBlob(blob, { tile_size: 512, stac_item_id: 'large-result' });
  const found = await jobs.stack.services.catalogue.search({ collections: ['large-result'], limit: 100 });
  assert.equal((found.features as JsonObject[]).length, count);
});
