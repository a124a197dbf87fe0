import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import { clientConfig, type PostgresConfig } from './client-config.ts';
import { mapDatabaseError } from './errors.ts';
import { sqlFolder } from './sql-files.ts';

export interface Migration {
  readonly number: number;
  /** File name, e.g. `0001_jobs_stages_tasks.sql`. */
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the text with LF line ends, so that a checkout on Windows is not another migration. */
  readonly checksum: string;
}

interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/** Any number nobody else uses in this database: the first eight digits of SHA-256 of "coremachine migrations". */
export const migrationLock = 0x4637a80d;

/**
 * Brings the schema to the newest of the folder's migrations, each in a transaction of its own, and returns the names
 * of those it applied. Twenty processes may do so at once: each transaction takes a lock first and looks again at what
 * is left to do. (A lock of the transaction, not of the session: PGlite has one session for everybody.)
 *
 * Throws CONFIGURATION_INVALID when an applied migration's file was changed or is missing. One with a higher number than
 * the folder's last is left alone: during a deployment the old version restarts beside the new one.
 */
export async function migrate(config: PostgresConfig, folder = join(sqlFolder, 'migrations')): Promise<string[]> {
  const migrations = readMigrations(folder);
  const client = new pg.Client(clientConfig(config));
  client.on('error', () => {});
  try {
    await client.connect();
    return await applyPending(client, migrations);
  } catch (error) {
    throw mapDatabaseError(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** The folder's migrations in order. Throws CONFIGURATION_INVALID unless they are numbered 0001, 0002, … without a gap. */
export function readMigrations(folder: string): Migration[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  return names.map((name, index) => {
    const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
    if (number !== index + 1)
      throw invalid(`the migration ${name} should begin with ${String(index + 1).padStart(4, '0')}_`);
    const text = readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n');
    return { number, name, text, checksum: createHash('sha256').update(text).digest('hex') };
  });
}

async function applyPending(client: pg.Client, migrations: readonly Migration[]): Promise<string[]> {
  const applied: string[] = [];
  for (;;) {
    const pending = migrations.slice(await countApplied(client, migrations));
    if (pending.length === 0) return applied;
    const name = await applyNext(client, migrations);
    if (name) applied.push(name);
  }
}

/** How many of the migrations the database has. Throws when they are not the same as the folder's. */
async function countApplied(client: pg.Client, migrations: readonly Migration[]): Promise<number> {
  const exists = await client.query<{ readonly found: boolean }>(
    "SELECT to_regclass('app.migrations') IS NOT NULL AS found",
  );
  if (!exists.rows[0]?.found) return 0;
  const { rows } = await client.query<AppliedMigration>(
    'SELECT number, name, checksum FROM app.migrations ORDER BY number',
  );
  const known = rows.slice(0, migrations.length);
  known.forEach((row, index) => {
    checkUnchanged(row, migrations[index]);
  });
  return known.length;
}

function checkUnchanged(row: AppliedMigration, migration: Migration | undefined): void {
  if (migration?.number === row.number && migration.checksum === row.checksum) return;
  throw invalid(
    `the database was made with another ${row.name} than the one in sql/migrations; ` +
      'an applied migration must not change: put the old text back and write a new migration',
  );
}

/** Applies the first migration that is still missing once the lock is held; null when somebody else was faster. */
async function applyNext(client: pg.Client, migrations: readonly Migration[]): Promise<string | null> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    await client.query('CREATE SCHEMA IF NOT EXISTS app');
    await client.query(`CREATE TABLE IF NOT EXISTS app.migrations (
      number integer PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz(3) NOT NULL DEFAULT now()
    )`);
    const next = migrations[await countApplied(client, migrations)];
    if (next) {
      await client.query(next.text);
      await client.query('INSERT INTO app.migrations (number, name, checksum) VALUES ($1, $2, $3)', [
        next.number,
        next.name,
        next.checksum,
      ]);
    }
    await client.query('COMMIT');
    return next?.name ?? null;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

function invalid(problem: string): CoreMachineError {
  return new CoreMachineError('CONFIGURATION_INVALID', problem);
}
