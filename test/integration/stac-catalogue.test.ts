import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import pg from 'pg';
import { CoreMachineError, type ErrorCode } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { openCatalogue } from '../../infrastructure/pgstac/catalogue.ts';
import { installPgstac, installSmall } from '../../infrastructure/pgstac/install.ts';
import { passingState, retried } from '../../infrastructure/pgstac/retry.ts';
import { ensurePgstacSql } from '../../src/cli/setup/pgstac.ts';
import { createTestDatabase, type Template } from '../tools/postgres.ts';

const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});

async function poolOn(template: Template): Promise<pg.Pool> {
  const database = await createTestDatabase({ template });
  const pool = new pg.Pool({ connectionString: database.url, max: 8 });
  closers.push(async () => {
    await pool.end();
    await database.drop();
  });
  return pool;
}

const code = (expected: ErrorCode) => (error: unknown) => error instanceof CoreMachineError && error.code === expected;

test('auto takes pgSTAC where it is, and refuses one of another generation', async () => {
  const pool = await poolOn('pgstac');
  const open = () => openCatalogue({ pool, log: silentLog, flavour: 'auto' });
  assert.equal((await open()).flavour, 'pgstac 0.9.11');
  await pool.query(`INSERT INTO pgstac.migrations (version, datetime) VALUES ('1.0.0', now() + interval '1 hour')`);
  await assert.rejects(open(), code('CATALOGUE_VERSION'));
});

test('without pgSTAC, auto makes the small schema once, and pgstac is refused', async () => {
  const pool = await poolOn('postgis');
  const open = (flavour: 'auto' | 'pgstac') => openCatalogue({ pool, log: silentLog, flavour });
  await assert.rejects(open('pgstac'), code('CATALOGUE_VERSION'));
  const opened = await Promise.all(Array.from({ length: 6 }, () => open('auto')));
  assert.deepEqual([...new Set(opened.map(({ flavour }) => flavour))], ['small']);
  assert.equal(await installSmall(pool), false);
});

test('several processes that install pgSTAC at once install it once', async () => {
  const file = await ensurePgstacSql();
  if (file === null) throw new Error('The tests need pgSTAC, and its SQL could not be fetched.');
  const sql = await readFile(file, 'utf8');
  const pool = await poolOn('postgis');
  const installed = await Promise.all([1, 2, 3, 4].map(() => installPgstac(pool, sql)));
  assert.equal(installed.filter(Boolean).length, 1);
  const { rows } = await pool.query('SELECT current_user AS role, session_user AS login');
  assert.equal(rows[0]?.role, rows[0]?.login);
  assert.equal((await openCatalogue({ pool, log: silentLog, flavour: 'pgstac' })).flavour, 'pgstac 0.9.11');
});

test('a collection that pgSTAC partitions by month takes items of many months, also out of order', async () => {
  const pool = await poolOn('pgstac');
  const catalogue = await openCatalogue({ pool, log: silentLog, flavour: 'auto' });
  const extent = { spatial: { bbox: [[0, 0, 1, 1]] }, temporal: { interval: [[null, null]] } };
  const collection = { stac_version: '1.1.0', description: 'by month', license: 'other', extent, links: [] };
  await catalogue.ensureCollection({ type: 'Collection', id: 'monthly', ...collection });
  await inPgstac(pool, `UPDATE collections SET partition_trunc = 'month' WHERE id = 'monthly'`);
  const months = ['2021-03', '2020-01', '2021-03', '2022-12', '2020-02'];
  const items = months.map((month, index) => pointItem('monthly', `item-${index}`, `${month}-15T00:00:00Z`));
  for (const batch of [items.slice(0, 2), items.slice(1), items]) {
    assert.deepEqual((await catalogue.upsertItems('monthly', batch)).missing, []);
  }
  const found = await catalogue.search({ collections: ['monthly'], limit: 50 });
  assert.equal(found.numberReturned, months.length);
  // Statistics that were refreshed by hand leave check constraints behind, which the next write has to widen.
  await inPgstac(pool, 'SELECT update_partition_stats(partition) FROM partitions_view');
  const late = pointItem('monthly', 'late', '2021-03-29T00:00:00Z');
  assert.deepEqual((await catalogue.upsertItems('monthly', [late])).stored, ['late']);
});

test('a transaction that met another one is run again, one that is wrong is not', async () => {
  const pool = await poolOn('empty');
  const raise = (state: string) => pool.query(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${state}'; END $$`);
  for (const state of ['40P01', '40001', '55P03', '55006', '23514', '42P01']) {
    let calls = 0;
    const retries: string[] = [];
    const work = async () => {
      calls += 1;
      if (calls < 3) await raise(state);
      return 'done';
    };
    assert.equal(await retried(work, (seen) => retries.push(seen)), 'done');
    assert.deepEqual(retries, [state, state]);
  }
  const wrong = await raise('23505').catch((error: unknown) => error);
  assert.equal(passingState(wrong), null);
  await assert.rejects(
    retried(() => raise('23505'), assert.fail),
    /no/,
  );
});

async function inPgstac(pool: pg.Pool, statement: string): Promise<void> {
  await pool.query(`BEGIN; SET LOCAL search_path TO pgstac, public; ${statement}; COMMIT`);
}

function pointItem(collection: string, id: string, datetime: string): StacItem {
  const geometry = { type: 'Point', coordinates: [1, 2] };
  const item = { type: 'Feature' as const, stac_version: '1.1.0', id, collection, geometry, bbox: [1, 2, 1, 2] };
  return { ...item, properties: { datetime }, links: [], assets: {} };
}
