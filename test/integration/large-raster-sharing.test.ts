import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { largeJobs, type Tiled } from '../tools/large-raster.ts';

const jobs = await largeJobs();
const { services, container } = jobs.stack;
const other = `${container}-2`;

/** Two columns of tiles or more. */
function raster(name: string, width: number): string {
  return writeRaster(join(jobs.stack.folder, name), { width, height: 300, value: (x, y) => (x + y) % 200 });
}

async function upload(name: string, { width = 600, to = container } = {}): Promise<BlobRef> {
  const file = raster(name.replaceAll('/', '-'), width);
  const ref = { container: to, name: `${container}/${name}` };
  await services.blobs.upload(ref, file, { contentType: 'image/tiff' });
  return ref;
}

/** No job began: those end with a JobFailure. */
const atSubmit = { name: 'CoreMachineError', code: 'OUTPUT_TAKEN' };

const small = { tile_size: 256, target_crs: 'EPSG:32633' };
const stacOf = ({ result }: Tiled) =>
  result.stac as unknown as { stac_id: string; items_removed: number; search: Search };

interface Search {
  readonly body: JsonObject;
}

async function found(tiled: Tiled): Promise<string[]> {
  const { features } = await services.catalogue.search({ ...stacOf(tiled).search.body, limit: 100 });
  return (features as { assets: { source: { href: string } } }[]).map(({ assets }) => assets.source.href);
}

async function mosaic(tiled: Tiled): Promise<string> {
  const { container: from, blob_path: name } = tiled.result.mosaicjson as { container: string; blob_path: string };
  return new TextDecoder().decode(await services.blobs.read({ container: from, name }));
}

test('two rasters of one collection_id: each keeps its items, its mosaic and its search', async () => {
  const [a, b] = [await upload('a.tif'), await upload('b.tif', { width: 900 })];
  const survey = { ...small, collection_id: `survey-${container}` };
  const first = await jobs.tileBlob(a, survey);
  const documents = await mosaic(first);
  const second = await jobs.tileBlob(b, survey);
  for (const tiled of [first, second]) {
    const stac = tiled.result.stac as JsonObject;
    assert.deepEqual(
      [stac.collection_id, stac.stac_id, stac.items_removed],
      [...Array(2).fill(survey.collection_id), 0],
    );
  }
  assert.equal(await mosaic(first), documents);
  assert.deepEqual(await found(first), Array(first.cogs.length).fill(services.blobs.url(a)));
  assert.deepEqual(await found(second), Array(second.cogs.length).fill(services.blobs.url(b)));
  const collection = await services.catalogue.getCollection(survey.collection_id);
  const hrefs = Object.values(collection?.assets as Record<string, { href: string }>).map(({ href }) => href);
  const urls = [first, second].map(({ result }) => (result.mosaicjson as JsonObject).url);
  assert.deepEqual(hrefs.sort(), urls.sort());
  const { features } = await services.catalogue.search({ collections: [survey.collection_id], limit: 100 });
  assert.equal((features as unknown[]).length, first.cogs.length + second.cogs.length);

  const again = await jobs.tileBlob(a, { ...survey, tile_size: 1024 });
  assert.deepEqual([again.cogs.length, stacOf(again).items_removed], [1, first.cogs.length - 1]);
  assert.equal((await found(second)).length, second.cogs.length);
});

test('without an id the collection is the raster’s own, and the result names it', async () => {
  const tiled = await jobs.tileBlob(await upload('own.tif'), small);
  const stac = tiled.result.stac as JsonObject;
  assert.match(String(stac.stac_id), /own-[0-9a-f]{10}$/);
  assert.equal(stac.collection_id, stac.stac_id);
  const ids = await services.catalogue.itemIds(String(stac.collection_id), '');
  assert.deepEqual(
    ids,
    tiled.cogs.map((_, index) => `${stac.stac_id}-tile-000${index}`),
  );
});

test('one name in two containers: the second is refused before it writes; another folder keeps them apart', async () => {
  const first = await jobs.tileBlob(await upload('same.tif'), small);
  const before = await outputs(first);
  const twin = await upload('same.tif', { width: 700, to: other });
  await assert.rejects(jobs.tileBlob(twin, small), atSubmit);
  const tiff = await upload('same.tiff');
  await assert.rejects(jobs.tileBlob(tiff, small), atSubmit);
  const second = await jobs.tileBlob(twin, { ...small, output_folder: 'elsewhere' });
  assert.deepEqual(await outputs(first), before);
  assert.equal((await found(first)).length, first.cogs.length);
  assert.deepEqual(await found(second), Array(second.cogs.length).fill(services.blobs.url(twin)));
  const refreshed = await jobs.tileBlob({ container, name: `${container}/same.tif` }, { ...small, overlap: 2 });
  assert.equal(refreshed.status, 'completed');
});

/** Names and etags of what a job wrote. */
async function outputs(tiled: Tiled): Promise<string[]> {
  const { scheme, cogs } = tiled;
  const refs = [
    { container: scheme.scheme_container, name: scheme.scheme_blob },
    ...cogs.map((cog) => ({ container: cog.cog_container, name: cog.cog_blob })),
  ];
  const all = await Promise.all(refs.map((ref) => services.blobs.properties(ref)));
  return all.map((blob) => `${blob?.name} ${blob?.etag}`);
}

test('one stac_item_id for two rasters: the second is refused, in another folder too', async () => {
  const named = { ...small, stac_item_id: `named-${container}` };
  const first = await jobs.tileBlob(await upload('named-1.tif'), named);
  const second = await upload('named-2.tif');
  await assert.rejects(jobs.tileBlob(second, named), atSubmit);
  await assert.rejects(jobs.tileBlob(second, { ...named, output_folder: 'aside' }), atSubmit);
  assert.equal((await found(first)).length, first.cogs.length);
});

for (const [stage, folder, what] of [
  [1, null, 'tiling scheme'],
  [4, null, 'mosaic'],
  [5, 'apart', 'items'],
] as const) {
  test(`another job that took the ${what} since the submit keeps it`, async () => {
    const [name, id] = [`race-${stage}.tif`, `race-${stage}-${container}`];
    const mine = await upload(name);
    const theirs = stage === 1 ? await upload(name, { to: other }) : await upload(`their-${name}`);
    let first: Tiled | null = null;
    let document = '';
    const instants = async (instant: string, at: { stage: number }) => {
      if (instant !== 'task-claimed' || at.stage !== stage || first) return;
      const parameters = { ...small, stac_item_id: stage === 1 ? `${id}-b` : id, output_folder: folder };
      first = await jobs.tileBlob(theirs, parameters);
      document = await mosaic(first);
    };
    const parameters = { container_name: mine.container, blob_name: mine.name, stac_item_id: id, ...small };
    const { job } = await runJob(processLargeRaster, parameters, { services, instants });
    assert.deepEqual([job.status, job.error?.code], ['failed', 'OUTPUT_TAKEN'], JSON.stringify(job.error));
    assert.ok(first);
    const { cogs } = first as Tiled;
    assert.deepEqual(await found(first), Array(cogs.length).fill(services.blobs.url(theirs)));
    assert.equal(await mosaic(first), document);
  });
}
