import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import { migrate, migrationLock, readMigrations } from '../../infrastructure/postgres/migrate.ts';
import { openPostgres } from '../../infrastructure/postgres/postgres.ts';
import { sqlFolder } from '../../infrastructure/postgres/sql-files.ts';
import { startPglite } from '../tools/pglite.ts';
import { createTestDatabase, withClient } from '../tools/postgres.ts';

const ours = join(sqlFolder, 'migrations');
const names = readMigrations(ours).map(({ name }) => name);
const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

/** A folder with our migrations and some more. */
async function folderWith(more: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-migrations-'));
  folders.push(folder);
  await cp(ours, folder, { recursive: true });
  for (const [name, text] of Object.entries(more)) await writeFile(join(folder, name), text);
  return folder;
}

/** The name of our next migration. */
function next(what: string, ahead = 1): string {
  return `${String(names.length + ahead).padStart(4, '0')}_${what}.sql`;
}

async function inDatabase(use: (url: string) => Promise<void>): Promise<void> {
  const database = await createTestDatabase({ template: 'empty' });
  try {
    await use(database.url);
  } finally {
    await database.drop();
  }
}

function ask<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(sql)).rows);
}

function invalid(text: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof CoreMachineError);
    assert.equal(error.code, 'CONFIGURATION_INVALID');
    assert.match(error.message, text);
    return true;
  };
}

describe('migrations', () => {
  test('the first start applies all of them, the second none', () =>
    inDatabase(async (url) => {
      assert.deepEqual(await migrate({ url }), names);
      assert.deepEqual(await migrate({ url }), []);
      const rows = await ask<{ name: string; number: number }>(url, 'SELECT * FROM app.migrations ORDER BY number');
      assert.deepEqual(
        rows.map(({ name }) => name),
        names,
      );
      assert.deepEqual(
        rows.map(({ number }) => number),
        names.map((_, index) => index + 1),
      );
    }));

  test('a start that has nothing to apply waits for nobody', () =>
    inDatabase(async (url) => {
      await migrate({ url });
      await withClient(url, async (client) => {
        await client.query('BEGIN');
        await client.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
        assert.deepEqual(await migrate({ url }), []);
        await client.query('ROLLBACK');
      });
    }));

  test('twenty processes at once apply each of them once', { timeout: 120_000 }, () =>
    inDatabase(async (url) => {
      // Slow enough that all of the others arrive while one is at it.
      const folder = await folderWith({
        [next('slow')]: 'CREATE TABLE app.slow (n int); SELECT pg_sleep(1);',
        [next('last', 2)]: 'CREATE TABLE app.last (n int)',
      });
      const processes = await Promise.all(Array.from({ length: 20 }, () => readyChild(url, folder)));
      const applied = await Promise.all(processes.map(goAndReport));
      assert.deepEqual(applied.flat().sort(), [...names, next('slow'), next('last', 2)]);
      const [count] = await ask<{ n: string }>(url, 'SELECT count(*) AS n FROM app.migrations');
      assert.equal(count?.n, String(names.length + 2));
    }),
  );

  test('twenty starts at once on PGlite, which has one session for all', async () => {
    const { url, stop } = await startPglite();
    try {
      const applied = await Promise.all(Array.from({ length: 20 }, () => migrate({ url })));
      assert.deepEqual(applied.flat().sort(), names);
      assert.deepEqual(await migrate({ url }), []);
    } finally {
      await stop();
    }
  });

  test('an applied one that was changed is refused by name, and nothing after it is applied', () =>
    inDatabase(async (url) => {
      const text = 'CREATE TABLE app.extra (n int);\n';
      await migrate({ url }, await folderWith({ [next('extra')]: text }));
      const changed = await folderWith({
        [next('extra')]: text.replace('int', 'bigint'),
        [next('more', 2)]: 'CREATE TABLE app.more (n int)',
      });
      await assert.rejects(migrate({ url }, changed), invalid(new RegExp(next('extra'))));
      const [more] = await ask(url, "SELECT 1 WHERE to_regclass('app.more') IS NOT NULL");
      assert.equal(more, undefined);
    }));

  test('another one in the place of an applied one is refused, whatever its name', () =>
    inDatabase(async (url) => {
      await migrate({ url }, await folderWith({ [next('one')]: 'CREATE TABLE app.one (n int)' }));
      const other = await folderWith({ [next('two')]: 'CREATE TABLE app.two (n int)' });
      await assert.rejects(migrate({ url }, other), invalid(new RegExp(next('one'))));
    }));

  test('line ends of Windows do not make another migration', () =>
    inDatabase(async (url) => {
      await migrate({ url });
      const folder = await folderWith({});
      for (const name of names) {
        const file = join(folder, name);
        await writeFile(file, (await readFile(file, 'utf8')).replaceAll('\n', '\r\n'));
      }
      assert.deepEqual(await migrate({ url }, folder), []);
    }));

  test('one that fails leaves nothing behind and is tried again by the next start', () =>
    inDatabase(async (url) => {
      const broken = 'CREATE TABLE app.half (n int); SELECT 1/0;';
      await assert.rejects(migrate({ url }, await folderWith({ [next('half')]: broken })), { code: '22012' });
      assert.deepEqual(await ask(url, "SELECT 1 WHERE to_regclass('app.half') IS NOT NULL"), []);
      // Those before it stay: each has a transaction of its own.
      const applied = await ask<{ name: string }>(url, 'SELECT name FROM app.migrations ORDER BY number');
      assert.deepEqual(
        applied.map(({ name }) => name),
        names,
      );
      const mended = await folderWith({ [next('half')]: broken.replace('1/0', '1') });
      assert.deepEqual(await migrate({ url }, mended), [next('half')]);
    }));

  test('a database that a newer version has migrated further serves the older one too', () =>
    inDatabase(async (url) => {
      await migrate({ url }, await folderWith({ [next('newer')]: 'CREATE TABLE app.newer (n int)' }));
      assert.deepEqual(await migrate({ url }), []);
      const postgres = await openPostgres({ url });
      try {
        assert.equal(await postgres.rawJobRow('0'.repeat(64)), null);
      } finally {
        await postgres.close();
      }
    }));

  test('nothing of ours is found by search_path', () =>
    inDatabase(async (url) => {
      await migrate({ url });
      const outside = await ask(
        url,
        `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname NOT IN ('app', 'pg_catalog', 'information_schema', 'pg_toast')`,
      );
      assert.deepEqual(outside, []);
    }));

  test('numbers must go up by one, from 0001, in names of small letters', async () => {
    const wrong = [next('gap', 2), '0001_twice.sql', 'first.sql', next('Capital'), '00x2_a.sql'];
    for (const name of wrong) {
      const folder = await folderWith({ [name]: 'SELECT 1' });
      assert.throws(() => readMigrations(folder), invalid(/should begin with/), name);
    }
    const folder = await folderWith({ 'README.md': 'not a migration' });
    assert.equal(readMigrations(folder).length, names.length);
  });
});

async function readyChild(url: string, folder: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'migrations.child.ts'), [url, folder]);
  const [word] = await once(child, 'message');
  assert.equal(word, 'ready');
  return child;
}

async function goAndReport(child: ChildProcess): Promise<string[]> {
  const exit = once(child, 'exit');
  // Not 'exit': it may be told before what the process said last; 'disconnect' comes after every message.
  const answer = Promise.race([
    once(child, 'message'),
    once(child, 'disconnect').then(() => assert.fail('a process ended without a word')),
  ]);
  child.send('go');
  const [applied] = await answer;
  assert.deepEqual(await exit, [0, null]);
  return applied;
}
