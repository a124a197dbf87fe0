import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TaskContext } from '../../core/handler.ts';
import type { JsonObject } from '../../core/json.ts';
import { silentLog } from '../../core/log.ts';
import { createCog } from '../../handlers/raster/create-cog.ts';
import type { CreateCogInput } from '../../handlers/raster/schemas.ts';
import {
  assertSameLevels,
  assertSamePixels,
  assertSamePlace,
  assertSound,
  assertStatistics,
  warpedIn,
} from '../tools/cog-checks.ts';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
import { hills, writeRaster } from '../tools/gdal-files.ts';
import { pixelsOf, rasterJobs } from '../tools/raster-jobs.ts';
import { catalogued } from '../tools/stac-services.ts';

const jobs = await rasterJobs();
const { folder, services } = jobs.stack;
const sample = (name: string) => fileURLToPath(new URL(`../fixtures/samples/${name}`, import.meta.url));
const path = (name: string) => join(folder, name);
const byGdalwarp = warpedIn(folder);

const rgb = () =>
  writeRaster(path('rgb.tif'), { width: 1300, height: 700, bands: 3, value: hills, options: ['PHOTOMETRIC=RGB'] });

/** A COG of `file` with `tier`, and gdalinfo's view of it. */
async function made(file: string, parameters: JsonObject) {
  const { cogs, result, validation } = await jobs.convert(file, parameters);
  const [cog] = cogs;
  assert.ok(cog);
  return { cog, cogs, result, validation, info: await gdalinfo(cog.file) };
}

test('rgb: all tiers, in the target grid; the lossless ones equal gdalwarp and gdaladdo', async () => {
  const file = rgb();
  const { cogs, result } = await made(file, { output_tier: 'all' });
  const warped = await byGdalwarp(file, ['-r', 'cubic', '-dstalpha']);
  assert.deepEqual(
    cogs.map(({ cog_tier, compression, interleave }) => [cog_tier, compression, interleave]),
    [
      ['visualization', 'JPEG', 'PIXEL'],
      ['analysis', 'DEFLATE', 'BAND'],
      ['archive', 'LZW', 'BAND'],
    ],
  );
  for (const cog of cogs) {
    await assertSound(services.blobs, cog, cog.cog_tier);
    assert.deepEqual([cog.reprojection_performed, cog.source_crs, cog.target_crs], [true, 'EPSG:32633', 'EPSG:4326']);
    const { bands } = await gdalinfo(cog.file);
    assert.deepEqual(
      bands.map((band) => band.colorInterpretation),
      ['Red', 'Green', 'Blue'],
    );
    assert.deepEqual(bands[0]?.mask?.flags, ['PER_DATASET']);
    await assertStatistics(cog.file, cog.cog_tier);
    const { masks } = pixelsOf(cog.file);
    assert.ok(Array.from(masks[0] ?? []).includes(0), 'the edges that warping left are not valid');
    assert.ok(Array.from(masks[0] ?? []).includes(255));
    if (cog.cog_tier !== 'visualization') await assertSameLevels(cog.file, warped, 'cubic');
  }
  assert.equal((result.cogs as unknown[]).length, 3);
});

test('rgba: alpha is kept in the lossless tiers and in the WEBP of the visualization', async () => {
  const file = writeRaster(path('rgba.tif'), {
    width: 700,
    height: 600,
    bands: 4,
    options: ['PHOTOMETRIC=RGB', 'ALPHA=YES'],
    value: (x, y, band) => (band === 4 ? (x < 100 ? 0 : 255) : hills(x, y, band)),
  });
  const { cogs, validation } = await made(file, { output_tier: 'all', target_crs: 'EPSG:32633' });
  assert.equal(validation.raster_type.detected_type, 'rgba');
  const source = pixelsOf(file);
  for (const cog of cogs) {
    await assertSound(services.blobs, cog, cog.cog_tier);
    const { bands } = await gdalinfo(cog.file);
    assert.deepEqual(
      bands.map((band) => band.colorInterpretation),
      ['Red', 'Green', 'Blue', 'Alpha'],
    );
    const pixels = pixelsOf(cog.file);
    assert.deepEqual(pixels.bands[3], source.bands[3]);
    assertSamePlace(cog.file, file);
    if (cog.cog_tier !== 'visualization') assert.deepEqual(pixels, source);
  }
  const { cogs: warpedCogs } = await made(file, { output_tier: 'all' });
  // gdalwarp knows the alpha band for what it is, and adds none.
  const warped = await byGdalwarp(file, ['-r', 'cubic', '-dstalpha']);
  for (const cog of warpedCogs) {
    assert.deepEqual([cog.reprojection_performed, (await gdalinfo(cog.file)).bands.length], [true, 4]);
    if (cog.cog_tier === 'visualization') assert.equal(pixelsOf(cog.file).bands[3]?.[0], 0);
    else await assertSameLevels(cog.file, warped, 'cubic');
  }
});

test('dem: an odd WKT without a code is warped; both tiers equal gdalwarp', async () => {
  const { cogs, validation } = await made(sample('olinda_dem_utm25s.tif'), { output_tier: 'all' });
  assert.equal(validation.raster_type.detected_type, 'dem');
  assert.deepEqual(
    cogs.map((cog) => [cog.cog_tier, cog.compression]),
    [
      ['analysis', 'LERC_DEFLATE'],
      ['archive', 'LZW'],
    ],
  );
  const warped = await byGdalwarp(sample('olinda_dem_utm25s.tif'), ['-r', 'bilinear', '-dstalpha']);
  for (const cog of cogs) {
    await assertSound(services.blobs, cog, cog.cog_tier);
    assertSamePixels(cog.file, warped);
    await assertStatistics(cog.file);
  }
});

test('categorical: the colour table is kept, no class is invented, overviews hold classes', async () => {
  const { cogs, validation } = await made(sample('lc.tif'), { output_tier: 'all' });
  assert.equal(validation.raster_type.detected_type, 'categorical');
  const source = await gdalinfo(sample('lc.tif'));
  const classes = new Set(Array.from(pixelsOf(sample('lc.tif')).bands[0] ?? []));
  const warped = await byGdalwarp(sample('lc.tif'), ['-r', 'near', '-dstalpha']);
  for (const cog of cogs) {
    await assertSound(services.blobs, cog, cog.cog_tier);
    const { bands } = await gdalinfo(cog.file);
    assert.equal(bands[0]?.colorInterpretation, 'Palette');
    assert.deepEqual(bands[0]?.colorTable, source.bands[0]?.colorTable);
    const { bands: values, masks } = pixelsOf(cog.file);
    const found = Array.from(values[0] ?? []).filter((_, pixel) => masks[0]?.[pixel]);
    assert.deepEqual(
      [...new Set(found)].filter((value) => !classes.has(value)),
      [],
    );
    assertSamePixels(cog.file, warped);
    await assertStatistics(cog.file);
  }
});

test('multispectral: gdalwarp and the tool agree on every band; without a warp every bit is the source', async () => {
  const { cogs, validation } = await made(sample('L7_ETMs.tif'), { output_tier: 'all' });
  assert.equal(validation.raster_type.detected_type, 'multispectral');
  const warped = await byGdalwarp(sample('L7_ETMs.tif'), ['-r', 'bilinear', '-dstalpha']);
  for (const cog of cogs) {
    await assertSound(services.blobs, cog, cog.cog_tier);
    assertSamePixels(cog.file, warped);
    await assertStatistics(cog.file);
  }
  const same = await made(sample('L7_ETMs.tif'), { target_crs: 'EPSG:31985' });
  assert.equal(same.cog.reprojection_performed, false);
  assert.deepEqual(pixelsOf(same.cog.file), pixelsOf(sample('L7_ETMs.tif')));
  assertSamePlace(same.cog.file, sample('L7_ETMs.tif'));
});

test('nir: four bands of 16 bits, warped into Web Mercator', async () => {
  const file = writeRaster(path('nir.tif'), {
    width: 600,
    height: 900,
    bands: 4,
    type: 'UInt16',
    options: ['PHOTOMETRIC=MINISBLACK', 'ALPHA=NO'],
    value: (x, y, band) => 100 * hills(x, y, band),
  });
  const { cog, validation } = await made(file, { target_crs: 'EPSG:3857' });
  assert.equal(validation.raster_type.detected_type, 'nir');
  await assertSound(services.blobs, cog, 'analysis');
  await assertSameLevels(cog.file, await byGdalwarp(file, ['-r', 'bilinear', '-dstalpha'], 'EPSG:3857'), 'average');
  await assertStatistics(cog.file);
});

test('statistics that came with the source are not believed', async () => {
  const plain = writeRaster(path('stale.tif'), { width: 300, height: 300, value: hills });
  const vrt = path('stale.vrt');
  await gdalCli('gdal_translate', ['-q', '-of', 'VRT', plain, vrt]);
  const stale =
    '<Metadata><MDI key="STATISTICS_MINIMUM">1</MDI><MDI key="STATISTICS_MAXIMUM">2</MDI><MDI key="STATISTICS_MEAN">1.5</MDI><MDI key="STATISTICS_STDDEV">1</MDI></Metadata>';
  const text = await readFile(vrt, 'utf8');
  await writeFile(
    vrt,
    text.replace(/<VRTRasterBand [^>]*>/, (tag) => tag + stale),
  );
  const file = path('stale-copy.tif');
  await gdalCli('gdal_translate', ['-q', vrt, file]);
  assert.equal((await gdalinfo(file)).bands[0]?.metadata['']?.STATISTICS_MAXIMUM, '2');
  for (const target_crs of ['EPSG:32633', 'EPSG:4326']) {
    const { cog } = await made(file, { target_crs });
    await assertStatistics(cog.file);
  }
});

test('in_memory makes no difference to the bytes', async () => {
  const file = rgb();
  const of = async (in_memory: boolean, output_tier: string) => {
    const { cog } = await made(file, { in_memory, output_tier });
    return createHash('sha256')
      .update(await readFile(cog.file))
      .digest('hex');
  };
  assert.equal(await of(true, 'visualization'), await of(false, 'visualization'));
  assert.equal(await of(true, 'analysis'), await of(false, 'analysis'));
});

test('progress goes up to the end of the work, and a cancelled task stops and leaves nothing', async () => {
  const raster = await jobs.stack.upload(rgb(), 'progress.tif');
  const input: CreateCogInput = {
    container_name: raster.container,
    blob_name: raster.name,
    subdataset: null,
    crs_override: null,
    source_crs: 'EPSG:32633',
    target_crs: 'EPSG:4326',
    raster_type: 'rgb',
    tier: 'analysis',
    jpeg_quality: 85,
    in_memory: null,
    output_blob: 'progress_cog.tif',
  };
  const seen: number[] = [];
  const stop = new AbortController();
  const context = (progress: (fraction: number) => void): TaskContext => ({
    job: { id: 'j', type: 'process_raster', run: 1 },
    task: { id: 't', key: 'analysis', number: 0, stage: 2, attempt: 1 },
    ...{ signal: stop.signal, progress, services, log: silentLog },
  });
  await createCog.run(
    input,
    context((fraction) => seen.push(fraction)),
  );
  const ends = [0.15, 0.45, 0.6, 0.9];
  assert.deepEqual(
    ends.filter((end) => !seen.some((one) => Math.abs(one - end) < 1e-9)),
    [],
    String(seen),
  );
  assert.ok(Number(seen.at(-1)) > 0.98, 'the upload is told');
  // Within a step, too; how often depends on how fast the machine is.
  assert.ok(seen.length > ends.length, String(seen));
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  const cut = createCog.run(
    { ...input, output_blob: 'never.tif' },
    context((fraction) => {
      if (fraction > 0.2) stop.abort(new Error('cancelled'));
    }),
  );
  await assert.rejects(cut, /cancelled/);
  assert.deepEqual(await jobs.leftovers(), []);
  assert.equal(await services.blobs.properties({ container: services.settings.cogContainer, name: 'never.tif' }), null);
});

test('the COG lies where it was wished, and the item is in the catalogue', async () => {
  const file = path('Szene é 1.tif');
  await copyFile(sample('L7_ETMs.tif'), file);
  const raster = await jobs.stack.upload(file, 'in put/Szene é "1".tif');
  const { cogs, result } = await jobs.convertBlob(raster, {
    output_folder: 'out/2024/',
    item_id: 'scene',
    collection_id: 'c-1',
  });
  assert.equal(cogs[0]?.cog_blob, 'out/2024/in put/Szene é "1"_cog_analysis.tif');
  assert.deepEqual(result.stac, {
    item_id: 'scene',
    collection_id: 'c-1',
    bbox: cogs[0]?.item.bbox,
    inserted_to_pgstac: true,
    ready_for_titiler: true,
  });
  assert.ok((await services.catalogue.search({ collections: ['c-1'], limit: 5 })).numberReturned === 1);
});

test('the item, made beside the upload, says what a look at the stored COG says', async () => {
  const { cog } = await made(rgb(), {});
  const { item } = await catalogued(jobs.stack, { container: cog.cog_container, name: cog.cog_blob });
  const facts = ({ geometry, bbox, properties, assets }: JsonObject) => {
    const { created: _created, updated: _updated, datetime: _now, ...lasting } = properties as JsonObject;
    const { source: _source, ...others } = assets as JsonObject;
    return { geometry, bbox, lasting, others };
  };
  assert.deepEqual(facts(cog.item), facts(item));
});

test('a file that is neither a COG candidate nor a success leaves no working folder', async () => {
  await assert.rejects(jobs.convert(sample('L7_ETMs.tif'), { raster_type: 'rgb', strict_mode: true }), {
    code: 'VALIDATION_FAILED',
  });
  assert.deepEqual(await jobs.leftovers(), []);
});
