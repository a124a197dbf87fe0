import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import type { JsonObject } from '../../core/json.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { type StackParts, startParts } from '../../src/local/stack/stack.ts';
import { impatient, momentsOfChance, throughKills } from '../tools/kills.ts';
import { testStackOptions } from '../tools/stack.ts';
import { uploadTiles } from '../tools/tile-sets.ts';

/** Nine hosts are started one after another. */
const timeout = 230_000;

/** Two tiles: how long each stage may take, more or less. */
const stageMs = [300, 900, 60, 250];

let parts: StackParts;
let folder: string;
let blobs: BlobStore;
let tiles: string[];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coremachine-crash-'));
  parts = await startParts(await testStackOptions(folder, { env: impatient, lockDurationMs: 3000 }));
  blobs = openBlobStore({ connection: parts.settings.STORAGE_CONNECTION ?? '' });
  const upload = async (file: string, name: string) => {
    await blobs.upload({ container: 'tiles', name }, file, { contentType: 'image/tiff' });
    return { container: 'tiles', name };
  };
  tiles = await uploadTiles({ folder, upload }, 'rgb', { prefix: 'scene', columns: 2, rows: 1 });
});

after(async () => {
  await parts?.stop();
  await rm(folder, { recursive: true, force: true });
});

const moments = momentsOfChance(stageMs);

test(`kill -9 twice in each stage, ${moments.join(', ')}: every item, COG and document is there once`, {
  timeout,
}, async () => {
  const job = await throughKills(
    parts,
    { type: 'process_raster_collection', parameters: parametersOf('killed') },
    moments,
  );
  await expectOneOfEach(job, 'killed');
});

function parametersOf(name: string): JsonObject {
  return { container_name: 'tiles', blob_list: tiles, collection_id: name, output_folder: name };
}

async function expectOneOfEach(job: JsonObject, name: string): Promise<void> {
  assert.deepEqual([job.status, job.run], ['completed', 1], JSON.stringify(job));
  const stac = (job.result_data as { stac: JsonObject }).stac;
  assert.equal(stac.items_created, 2);
  assert.deepEqual(await itemIds(name), [`${name}-tile-0000`, `${name}-tile-0001`]);
  const stems = ['scene_0_0', 'scene_1_0'].map((stem) => `${name}/${stem}_cog_analysis`);
  const expected = stems.flatMap((stem) => [`${stem}.tif`, `${stem}_thumb.png`]);
  assert.deepEqual(await blobNames(String(parts.settings.COG_CONTAINER ?? 'silver-cogs'), name), expected);
  assert.deepEqual(await blobNames('silver-mosaicjson', name), [`${name}/${name}.json`]);
}

async function itemIds(collection: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: parts.settings.DATABASE_URL });
  await client.connect();
  try {
    const select = 'SELECT id FROM pgstac.items WHERE collection = $1 ORDER BY id';
    const { rows } = await client.query<{ id: string }>(select, [collection]);
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

async function blobNames(container: string, prefix: string): Promise<string[]> {
  const names = await Array.fromAsync(blobs.list(container, { prefix: `${prefix}/` }), ({ name }) => name);
  return names.sort();
}
