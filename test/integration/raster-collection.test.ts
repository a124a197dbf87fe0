import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import type { JsonObject } from '../../core/json.ts';
import { silentLog } from '../../core/log.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { openCatalogue } from '../../infrastructure/pgstac/catalogue.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';
import { refereeProblems } from '../tools/stac-referee.ts';
import { stacServices } from '../tools/stac-services.ts';
import { stacProblems } from '../tools/stac-validator.ts';
import { type TileKind, uploadTiles } from '../tools/tile-sets.ts';

const stack = await stacServices();
const { services, container } = stack;

interface Outcome {
  readonly status: string;
  readonly error: JsonObject | null;
  readonly result: JsonObject;
  outputs(stage: number): Promise<JsonObject[]>;
}

async function run(blob_list: readonly string[], collection_id: string, more: JsonObject = {}): Promise<Outcome> {
  const parameters = { container_name: container, blob_list, collection_id, mosaicjson_container: container, ...more };
  const { job, store } = await runJob(processRasterCollection, parameters, stack);
  const outputs = async (stage: number) =>
    (await store.resultPage({ jobId: job.jobId, run: job.run, stage }, -1, 100)).map(
      ({ output }) => output as JsonObject,
    );
  return { status: job.status, error: job.error as JsonObject | null, result: job.result ?? {}, outputs };
}

async function itemsOf(collection: string, more: JsonObject = {}): Promise<StacItem[]> {
  const found = await services.catalogue.search({ collections: [collection], limit: 100, ...more });
  return (found.features as StacItem[]).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

async function json(name: string): Promise<JsonObject> {
  return JSON.parse(new TextDecoder().decode(await services.blobs.read({ container, name }))) as JsonObject;
}

async function blobNames(prefix: string): Promise<string[]> {
  return Array.fromAsync(services.blobs.list(container, { prefix }), ({ name }) => name);
}

const kinds: readonly TileKind[] = ['rgb', 'dem', 'multispectral'];

for (const kind of kinds) {
  test(`${kind}: COGs, MosaicJSON, collection and items, valid and to be found`, async () => {
    const tiles = await uploadTiles(stack, kind, { prefix: `whole/${kind}`, columns: 2, rows: 2 });
    const { status, error, result, outputs } = await run(tiles, `whole-${kind}`, { output_folder: 'out' });
    assert.equal(status, 'completed', JSON.stringify(error));
    const cogs = await outputs(2);
    assert.deepEqual(
      cogs.map(({ cog_blob }) => cog_blob),
      tiles.map((name) => `out/${name.replace('.tif', '').replaceAll('/', '_')}_cog_analysis.tif`),
    );

    const [mosaic] = await outputs(3);
    const document = await json(`out/whole-${kind}.json`);
    assert.equal(mosaic?.mosaicjson_url, services.blobs.url({ container, name: `out/whole-${kind}.json` }));
    assert.deepEqual([document.mosaicjson, mosaic?.tile_count], ['0.0.3', 4]);
    const listed = Object.values(document.tiles as Record<string, string[]>).flat();
    assert.deepEqual(
      [...new Set(listed)].sort(),
      cogs.map(({ cog_blob }) => services.blobs.url({ container, name: String(cog_blob) })).sort(),
    );

    const collection = await services.catalogue.getCollection(`whole-${kind}`);
    const items = await itemsOf(`whole-${kind}`);
    assert.deepEqual(
      items.map(({ id }) => id),
      [0, 1, 2, 3].map((number) => `whole-${kind}-tile-000${number}`),
    );
    assert.deepEqual((await refereeProblems([collection, ...items])).flat(), []);
    const stac = result.stac as JsonObject;
    assert.equal(stac.items_created, 4);
    assert.equal(stac.inserted_to_pgstac, true);
    const extent = (collection?.extent as { spatial: { bbox: number[][] } } | undefined)?.spatial.bbox[0];
    const boxes = items.map(({ bbox }) => bbox);
    const side = (pick: typeof Math.min, index: number) => pick(...boxes.map((box) => box[index] ?? Number.NaN));
    assert.deepEqual(extent, [side(Math.min, 0), side(Math.min, 1), side(Math.max, 2), side(Math.max, 3)]);
    assert.deepEqual(extent, stac.spatial_extent);
    const assets = collection?.assets as { mosaicjson: JsonObject };
    assert.deepEqual(assets.mosaicjson.roles, ['index', 'mosaic']);

    const [first] = items;
    const [west = 0, south = 0, east = 0, north = 0] = first?.bbox ?? [];
    const [x, y] = [west + (east - west) / 4, north - (north - south) / 4];
    assert.deepEqual(
      (await itemsOf(`whole-${kind}`, { bbox: [x, y, x + 1e-6, y + 1e-6] })).map(({ id }) => id),
      [first?.id],
    );
    assert.equal((await itemsOf(`whole-${kind}`, { datetime: '2000-01-01T00:00:00Z/..' })).length, 4);
    assert.equal((await itemsOf(`whole-${kind}`, { datetime: '../2000-01-01T00:00:00Z' })).length, 0);

    const search = stac.search as { body: JsonObject; metadata: JsonObject };
    assert.equal(await services.catalogue.registerSearch(search.body, search.metadata), stac.search_id);
    assert.deepEqual([search.metadata.minzoom, search.metadata.maxzoom], [mosaic?.minzoom, mosaic?.maxzoom]);
    assert.match(String(result.share_url), new RegExp(`/searches/${String(stac.search_id)}/WebMercatorQuad/map.html`));
  });
}

test('an invalid tile is left out and reported; the others keep their numbers', async () => {
  const [one, two, three] = await uploadTiles(stack, 'rgb', { prefix: 'partly', columns: 3, rows: 1 });
  assert.ok(one && two && three);
  const note = join(stack.folder, 'note.tif');
  await writeFile(note, 'no raster\n'.repeat(50));
  await stack.upload(note, two);
  const { status, result } = await run([one, two, three], 'partly');
  assert.equal(status, 'completed_with_errors');
  assert.deepEqual(result.validation, { tiles_validated: 3, tiles_valid: 2, success_rate: '66.7%', warnings: [] });
  const cogs = result.cogs as JsonObject;
  assert.deepEqual([cogs.total_count, cogs.successful, cogs.failed], [3, 2, 1]);
  const [failed, ...others] = cogs.failed_tiles as JsonObject[];
  assert.deepEqual([failed?.blob_name, failed?.code, others], [two, 'FILE_UNREADABLE', []]);
  assert.deepEqual(
    (await itemsOf('partly')).map(({ id }) => id),
    ['partly-tile-0000', 'partly-tile-0002'],
  );
});

test('a collection of several kinds is refused before a COG is made, with what each tile is', async () => {
  const rgb = await uploadTiles(stack, 'rgb', { prefix: 'mixed/rgb', columns: 2, rows: 1 });
  const dem = await uploadTiles(stack, 'dem', { prefix: 'mixed/dem', columns: 1, rows: 1 });
  const { status, error } = await run([...rgb, ...dem], 'mixed', { output_folder: 'mixed-out' });
  assert.deepEqual([status, error?.code], ['failed', 'COLLECTION_MIXED']);
  assert.deepEqual(error?.details, [
    { path: dem[0], message: 'dem with 1 band of float32' },
    ...rgb.map((path) => ({ path, message: 'rgb with 3 bands of uint8' })),
  ]);
  assert.deepEqual(await blobNames('mixed-out/'), []);
  assert.equal(await services.catalogue.getCollection('mixed'), null);
});

test('what the validation of tiles warned of is in the result, with the tiles', async () => {
  const warned = async (tiles: readonly string[], id: string, parameters: JsonObject) => {
    const { status, result } = await run(tiles, id, { ...parameters, output_folder: id });
    assert.equal(status, 'completed');
    const { warnings } = result.validation as { warnings: JsonObject[] };
    return warnings.map(({ message, ...rest }) => rest);
  };
  const dem = await uploadTiles(stack, 'dem', { prefix: 'warned/dem', columns: 2, rows: 1 });
  const expected = { severity: 'warning', tile_count: 2 };
  assert.deepEqual(await warned(dem, 'no-picture', { output_tier: 'visualization' }), [
    { ...expected, code: 'TIER_NOT_APPLICABLE', blob_names: dem },
  ]);
  const rgb = await uploadTiles(stack, 'rgb', { prefix: 'warned/rgb', columns: 2, rows: 1 });
  assert.deepEqual(await warned(rgb, 'no-dem', { raster_type: 'dem' }), [
    { ...expected, code: 'TYPE_MISMATCH', blob_names: rgb },
  ]);
});

test('without the two documents their stages have no task and nothing is written', async () => {
  const tiles = await uploadTiles(stack, 'rgb', { prefix: 'bare', columns: 2, rows: 1 });
  const none = { create_mosaicjson: false, create_stac_collection: false, output_folder: 'bare-out' };
  const { status, result } = await run(tiles, 'bare', none);
  assert.equal(status, 'completed');
  assert.deepEqual([result.mosaicjson, result.stac, result.share_url], [null, null, null]);
  assert.deepEqual([result.stages_completed, result.total_tasks_executed], [4, 4]);
  assert.equal((await blobNames('bare-out/')).length, 2);
  assert.equal(await services.catalogue.getCollection('bare'), null);

  const noMosaic = await run(tiles, 'bare', { ...none, create_stac_collection: true, stac_item_id: 'bare-stac' });
  assert.equal(noMosaic.status, 'completed', JSON.stringify(noMosaic.error));
  assert.equal((await itemsOf('bare-stac')).length, 2);
  assert.equal((await services.catalogue.getCollection('bare-stac'))?.assets, undefined);
});

test('a second run refreshes: the same search, no item twice, and none of tiles that are gone', async () => {
  const tiles = await uploadTiles(stack, 'dem', { prefix: 'again', columns: 3, rows: 1 });
  const first = await run(tiles, 'again');
  const before = await itemsOf('again');
  const foreign = { ...before[0], id: 'again-by-hand' } as StacItem;
  await services.catalogue.upsertItems('again', [foreign]);
  const blobs = await blobNames('again_');
  const second = await run(tiles, 'again');
  const idOf = ({ result }: Outcome) => (result.stac as JsonObject).search_id;
  assert.equal(idOf(second), idOf(first));
  assert.deepEqual(await blobNames('again_'), blobs);
  const ids = async () => (await itemsOf('again')).map(({ id }) => id);
  assert.deepEqual(await ids(), ['again-by-hand', 'again-tile-0000', 'again-tile-0001', 'again-tile-0002']);
  assert.deepEqual((await itemsOf('again')).slice(1), before, 'nothing has changed, and they say so');
  const third = await run(tiles.slice(0, 2), 'again');
  assert.deepEqual(await ids(), ['again-by-hand', 'again-tile-0000', 'again-tile-0001']);
  assert.equal((third.result.stac as JsonObject).items_removed, 1);
});

test('names that would be the same are told apart, and another container takes the COGs', async () => {
  const [tile] = await uploadTiles(stack, 'rgb', { prefix: 'names', columns: 1, rows: 1 });
  assert.ok(tile);
  await services.blobs.download({ container, name: tile }, join(stack.folder, 'copy.tif'));
  await stack.upload(join(stack.folder, 'copy.tif'), 'names_0_0.tif');
  const elsewhere = `${container}-out`;
  const { status, error, outputs } = await run([tile, 'names_0_0.tif'], 'names', { output_container: elsewhere });
  assert.equal(status, 'completed', JSON.stringify(error));
  const cogs = await outputs(2);
  assert.equal(new Set(cogs.map(({ cog_blob }) => cog_blob)).size, 2);
  const there = await Array.fromAsync(services.blobs.list(elsewhere), ({ name }) => name);
  for (const { cog_blob, cog_container } of cogs) {
    assert.equal(cog_container, elsewhere);
    assert.ok(there.includes(String(cog_blob)));
  }
  assert.equal(there.filter((name) => name.endsWith('_thumb.webp')).length, 2, 'thumbnails lie beside the COGs');
});

test('at submit: every missing name in one answer, and COGs that would overwrite a tile', async () => {
  const tiles = await uploadTiles(stack, 'rgb', { prefix: 'submit', columns: 1, rows: 1 });
  await assert.rejects(run([...tiles, 'gone/1.tif', 'gone/2.tif'], 'submit'), (error: JsonObject) => {
    assert.equal(error.code, 'FILE_NOT_FOUND');
    assert.match(JSON.stringify(error.details), /gone\/1\.tif.*gone\/2\.tif/);
    return true;
  });
  const [tile] = tiles;
  await services.blobs.download({ container, name: String(tile) }, join(stack.folder, 'copy2.tif'));
  await stack.upload(join(stack.folder, 'copy2.tif'), 'submit_0_0_cog_analysis.tif');
  const overwriting = run([String(tile), 'submit_0_0_cog_analysis.tif'], 'submit');
  await assert.rejects(overwriting, { code: 'INVALID_PARAMETERS' });
});

test('the small catalogue takes a collection and an item too, and says that titiler does not read it', async () => {
  const pool = new pg.Pool({ connectionString: stack.databaseUrl, max: 2 });
  try {
    const catalogue = await openCatalogue({ pool, log: silentLog, flavour: 'small' });
    const blob_list = await uploadTiles(stack, 'dem', { prefix: 'small', columns: 2, rows: 1 });
    const parameters = {
      container_name: container,
      blob_list,
      collection_id: 'small',
      mosaicjson_container: container,
    };
    for (const round of [1, 2]) {
      const { job } = await runJob(processRasterCollection, parameters, { services: { ...services, catalogue } });
      assert.equal(job.status, 'completed', JSON.stringify(job.error));
      const { items_created, inserted_to_pgstac, ready_for_titiler } = (job.result?.stac ?? {}) as JsonObject;
      assert.deepEqual([items_created, inserted_to_pgstac, ready_for_titiler], [2, true, false], `round ${round}`);
    }
    assert.deepEqual(await catalogue.itemIds('small', ''), ['small-tile-0000', 'small-tile-0001']);
    assert.deepEqual(await stacProblems(await catalogue.getCollection('small')), []);
    const one = { container_name: container, blob_name: String(blob_list[0]), collection_id: 'small-one' };
    const { job } = await runJob(processRaster, one, { services: { ...services, catalogue } });
    const { item_id, inserted_to_pgstac, ready_for_titiler } = (job.result?.stac ?? {}) as JsonObject;
    assert.deepEqual([inserted_to_pgstac, ready_for_titiler], [true, false], JSON.stringify(job.error));
    assert.deepEqual(await stacProblems(await catalogue.getItem('small-one', String(item_id))), []);
  } finally {
    await pool.end();
  }
});
