import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { ApiClient, type JobView } from '../../src/cli/client.ts';
import { type Stack, startStack } from '../../src/local/stack/stack.ts';
import { FeaturesClient, featuresOf } from '../tools/features-client.ts';
import { eventually } from '../tools/poll.ts';
import { createTestDatabase, type TestDatabase, withClient } from '../tools/postgres.ts';
import { testStackOptions } from '../tools/stack.ts';

// On PostgreSQL, where loads and readers are at work at the same time.
let database: TestDatabase;
let folder: string;
let stack: Stack;
let client: ApiClient;
let blobs: BlobStore;

before(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'coremachine-vector-moments-'));
  const env = { DATABASE_URL: database.url, DATABASE_POOL_SIZE: '8' };
  stack = await startStack(await testStackOptions(folder, { env }));
  client = new ApiClient(stack.url, stack.functionKey);
  blobs = openBlobStore({ connection: String(stack.settings.STORAGE_CONNECTION) });
});

after(async () => {
  await stack?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

function ask<Row extends object = JsonObject>(statement: string): Promise<Row[]> {
  return withClient(database.url, async (one) => (await one.query(statement)).rows);
}

/** Points on a line, each with the same `version`. */
async function upload(name: string, rows: number, version: number): Promise<void> {
  const lines = Array.from({ length: rows }, (_, row) => `${version},place ${row},${row / 1000},${-row / 1000}`);
  const bytes = Buffer.from(`version,name,lon,lat\n${lines.join('\n')}\n`);
  await blobs.upload({ container: 'sources', name }, bytes, { contentType: 'text/csv' });
}

async function submitted(name: string, parameters: JsonObject): Promise<JsonObject> {
  return client.submit('ingest_vector', { container_name: 'sources', blob_name: name, ...parameters });
}

async function ended(jobId: unknown): Promise<JobView> {
  return client.follow(String(jobId), () => {}, AbortSignal.timeout(60_000));
}

async function completed(name: string, parameters: JsonObject): Promise<JsonObject> {
  const { job_id } = await submitted(name, parameters);
  const job = await ended(job_id);
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  assert.ok(job.result_data);
  return job.result_data as JsonObject;
}

/** Loads, their tables and their chunks. */
async function leftovers(): Promise<readonly unknown[]> {
  const left: unknown[] = await ask(`SELECT job_id FROM app.loads UNION ALL SELECT job_id FROM app.load_chunks
    UNION ALL SELECT tablename FROM pg_tables WHERE schemaname = 'geo_load'`);
  if (!(await blobs.containerExists('vector-chunks'))) return left;
  for await (const { name } of blobs.list('vector-chunks')) left.push(name);
  return left;
}

const nothingLeft = () => eventually(async () => (await leftovers()).length === 0, { timeoutMs: 30_000 });

test('with replace, readers see the old table or the new one: never a mix, never an empty one, never an error', async () => {
  const sizes = [1, 2].map((version) => 1000 + 500 * version);
  for (const [index, rows] of sizes.entries()) await upload(`v${index + 1}.csv`, rows, index + 1);
  const load = (version: number, round: number) =>
    completed(`v${version}.csv`, { table_name: 'read', load_method: 'replace', chunk_size: 400 + round });
  await load(1, 0);
  const seen = new Map<string, number>();
  const note = (rows: number, versions: readonly unknown[]) => {
    const what = `${rows} rows of ${[...new Set(versions)].join('+')}`;
    seen.set(what, (seen.get(what) ?? 0) + 1);
  };
  let reading = true;
  const bySql = () =>
    withClient(database.url, async (one) => {
      while (reading) {
        const { rows } = await one.query('SELECT count(*)::int AS n, array_agg(DISTINCT version) AS v FROM geo.read');
        note(rows[0].n, rows[0].v);
      }
    });
  const features = new FeaturesClient(() => ({ stack, client }));
  const byHttp = async () => {
    while (reading) {
      const page = await features.items('?limit=10000', 'read');
      assert.equal(page.status, 200, JSON.stringify(page.body));
      note(
        featuresOf(page).length,
        featuresOf(page).map(({ properties }) => properties.version),
      );
    }
  };
  const readers = [bySql(), bySql(), byHttp()];
  try {
    for (let round = 1; round <= 4; round += 1) await load(1 + (round % 2), round);
  } finally {
    reading = false;
    await Promise.all(readers);
  }
  assert.deepEqual([...seen.keys()].sort(), ['1500 rows of 1', '2000 rows of 2']);
  assert.ok(Math.min(...seen.values()) > 5, JSON.stringify([...seen]));
  await nothingLeft();
});

test('a job that is cancelled in the middle of its load leaves no table and no chunks', async () => {
  await upload('cancelled.csv', 40_000, 1);
  const { job_id } = await submitted('cancelled.csv', { table_name: 'cancelled', chunk_size: 100 });
  const loaded = () => ask<{ n: number }>('SELECT count(*)::int AS n FROM app.load_chunks');
  await eventually(async () => ((await loaded())[0]?.n ?? 0) > 3, { timeoutMs: 30_000 });
  assert.notEqual((await leftovers()).length, 0);
  await client.request('POST', `jobs/${job_id}/cancel`);
  assert.equal((await ended(job_id)).status, 'cancelled');
  await nothingLeft();
  assert.deepEqual(await ask(`SELECT 1 FROM pg_tables WHERE tablename = 'cancelled'`), []);
});

const refuseRows = `
  CREATE FUNCTION public.refuse_row() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'no rows today' USING ERRCODE = 'check_violation'; END $$;
  CREATE FUNCTION public.refuse_rows() RETURNS event_trigger LANGUAGE plpgsql AS $$
    DECLARE made record;
    BEGIN
      FOR made IN SELECT object_identity FROM pg_event_trigger_ddl_commands()
        WHERE object_type = 'table' AND schema_name = 'geo_load' LOOP
        EXECUTE format('CREATE TRIGGER refuse BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.refuse_row()',
          made.object_identity);
      END LOOP;
    END $$;
  CREATE EVENT TRIGGER refuse_rows ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.refuse_rows()`;

test('a load that failed in its second stage is retried, though its chunks and its table were removed', async () => {
  await upload('retried.csv', 1000, 1);
  await ask(refuseRows);
  const { job_id } = await submitted('retried.csv', { table_name: 'retried', chunk_size: 300 });
  const failed = await ended(job_id);
  await ask('DROP EVENT TRIGGER refuse_rows');
  assert.deepEqual([failed.status, failed.stage], ['failed', 2]);
  assert.equal((failed.error as JsonObject).code, 'INVALID_ROWS');
  await nothingLeft();
  await client.request('POST', `jobs/${job_id}/retry`);
  const job = await ended(job_id);
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  assert.deepEqual(await ask('SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM geo.retried'), [
    { n: 1000, ids: 1000 },
  ]);
  await nothingLeft();
});

test('submitted again after it has made its table: the stored result; with force the table anew; another job: 409', async () => {
  await upload('again.csv', 200, 1);
  const parameters = { table_name: 'again', load_method: 'fail' };
  const result = await completed('again.csv', parameters);
  const again = await submitted('again.csv', parameters);
  assert.deepEqual([again.status, again.idempotent], ['already_completed', true]);
  assert.deepEqual(again.result_data, result);
  const body = { container_name: 'sources', blob_name: 'again.csv', ...parameters };
  const forced = await client.submit('ingest_vector', body, { force: true });
  assert.equal((await ended(forced.job_id)).status, 'completed');
  assert.deepEqual(await ask('SELECT count(*)::int AS n FROM geo.again'), [{ n: 200 }]);
  await assert.rejects(submitted('again.csv', { ...parameters, chunk_size: 100 }), /TABLE_EXISTS/);
  await nothingLeft();
});

test('the link in a result leads to the rows, and there is none to a schema that is not shown', async () => {
  await upload('linked.csv', 30, 1);
  const features = new FeaturesClient(() => ({ stack, client }));
  const shown = await completed('linked.csv', { table_name: 'linked' });
  const page = await features.get(`${shown.ogc_features_url}/items?limit=100`);
  assert.deepEqual([page.status, featuresOf(page).length], [200, 30]);
  const hidden = await completed('linked.csv', { table_name: 'linked', schema: 'public' });
  assert.equal(hidden.ogc_features_url, null);
  assert.deepEqual(
    (hidden.warnings as JsonObject[]).map(({ code }) => code),
    ['SCHEMA_NOT_SHOWN'],
  );
});
