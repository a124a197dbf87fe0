import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { JsonObject } from '../../core/json.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { ApiClient } from '../../src/cli/client.ts';
import { type StackParts, startParts } from '../../src/local/stack/stack.ts';
import { eventually } from '../tools/poll.ts';
import { testStackOptions } from '../tools/stack.ts';
import { uploadTiles } from '../tools/tile-sets.ts';

// A host that dies (SIGKILL) in each stage of process_raster_collection: at the worst moment, when everything is written
// and nothing reported, and at a moment of chance. Then another host ends the job.
const stages = [1, 2, 3, 4];
const longestDelayMs = 300;

const impatient = {
  TASK_LEASE_SECONDS: '3',
  PUBLISH_GRACE_SECONDS: '1',
  UPKEEP_REPUBLISH_SCHEDULE: '* * * * * *',
  UPKEEP_LEASES_SCHEDULE: '* * * * * *',
  UPKEEP_STAGES_SCHEDULE: '* * * * * *',
};

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

for (const stage of stages) {
  test(`kill -9 when all of a task of stage ${stage} is done but its report`, async () => {
    const name = `done-${stage}`;
    const doomed = await parts.startHost({ COREMACHINE_CRASH_AT: `handler-done@${stage}` });
    await submit(doomed.ready, name);
    await doomed.exited;
    assert.equal(doomed.process.signalCode, 'SIGKILL');
    await expectOneOfEach(name);
  });

  test(`kill -9 at some moment of stage ${stage}`, async (t) => {
    const name = `chance-${stage}`;
    const delayMs = Math.floor(Math.random() * longestDelayMs);
    t.diagnostic(`${delayMs} ms after the stage began`);
    const doomed = await parts.startHost();
    const client = new ApiClient(doomed.ready.url, doomed.ready.functionKey);
    const { job_id: jobId } = await submit(doomed.ready, name);
    const reached = async () => (await client.status(String(jobId))).stage >= stage;
    await eventually(reached, { timeoutMs: 60_000 });
    await wait(delayMs);
    doomed.process.kill('SIGKILL');
    await doomed.exited;
    await expectOneOfEach(name);
  });
}

function parametersOf(name: string): JsonObject {
  return { container_name: 'tiles', blob_list: tiles, collection_id: name, output_folder: name };
}

async function submit(host: { url: string; functionKey: string }, name: string): Promise<JsonObject> {
  return new ApiClient(host.url, host.functionKey).submit('process_raster_collection', parametersOf(name));
}

/** A healthy host ends the job in its first run, with every item, COG and document there once. */
async function expectOneOfEach(name: string): Promise<void> {
  const healthy = await parts.startHost();
  try {
    const client = new ApiClient(healthy.ready.url, healthy.ready.functionKey);
    const { job_id: jobId, idempotent } = await submit(healthy.ready, name);
    assert.equal(idempotent, true);
    const ended = async () => !['queued', 'processing'].includes((await client.status(String(jobId))).status);
    await eventually(ended, { timeoutMs: 90_000 });
    const job = await client.status(String(jobId));
    assert.deepEqual([job.status, job.run], ['completed', 1], JSON.stringify(job));
    const stac = (job.result_data as { stac: JsonObject }).stac;
    assert.equal(stac.items_created, 2);
    assert.deepEqual(await itemIds(name), [`${name}-tile-0000`, `${name}-tile-0001`]);
    const stems = ['scene_0_0', 'scene_1_0'].map((stem) => `${name}/${stem}_cog_analysis`);
    const expected = stems.flatMap((stem) => [`${stem}.tif`, `${stem}_thumb.png`]);
    assert.deepEqual(await blobNames(String(parts.settings.COG_CONTAINER ?? 'silver-cogs'), name), expected);
    assert.deepEqual(await blobNames('silver-mosaicjson', name), [`${name}/${name}.json`]);
  } finally {
    await healthy.stop();
  }
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
