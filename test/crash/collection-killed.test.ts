import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { crashStack } from '../tools/crash-stack.ts';
import { momentsOfChance, throughKills } from '../tools/kills.ts';
import { itemIds } from '../tools/pgstac-items.ts';
import { uploadTiles } from '../tools/tile-sets.ts';

/** Up to ten hosts are started one after another. */
const timeout = 280_000;

/** Two tiles: how long each stage may take, more or less. */
const stageMs = [300, 900, 60, 250];

let blobs: BlobStore;
let tiles: string[];

const stack = crashStack({
  async prepare({ parts, folder }) {
    blobs = openBlobStore({ connection: parts.settings.STORAGE_CONNECTION ?? '' });
    const upload = async (file: string, name: string) => {
      await blobs.upload({ container: 'tiles', name }, file, { contentType: 'image/tiff' });
      return { container: 'tiles', name };
    };
    tiles = await uploadTiles({ folder, upload }, 'rgb', { prefix: 'scene', columns: 2, rows: 1 });
  },
});

const moments = momentsOfChance(stageMs);

test('kill -9 in each stage, at a sure moment and at one of chance: every item, COG and document is there once', {
  timeout,
}, async (context) => {
  const job = await throughKills(
    stack.parts,
    { type: 'process_raster_collection', parameters: parametersOf('killed') },
    moments,
    (line) => context.diagnostic(line),
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
  assert.deepEqual(await itemIds(stack.parts.settings.DATABASE_URL, name), [`${name}-tile-0000`, `${name}-tile-0001`]);
  const stems = ['scene_0_0', 'scene_1_0'].map((stem) => `${name}/${stem}_cog_analysis`);
  const expected = stems.flatMap((stem) => [`${stem}.tif`, `${stem}.tif_thumb.webp`]);
  assert.deepEqual(await blobNames(String(stack.parts.settings.COG_CONTAINER ?? 'silver-cogs'), name), expected);
  assert.deepEqual(await blobNames('silver-mosaicjson', name), [`${name}/${name}.json`]);
}

async function blobNames(container: string, prefix: string): Promise<string[]> {
  const names = await Array.fromAsync(blobs.list(container, { prefix: `${prefix}/` }), ({ name }) => name);
  return names.sort();
}
