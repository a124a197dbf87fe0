import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { mapDatabaseError } from '../postgres/errors.ts';
import { sqlFolder } from '../postgres/sql-files.ts';
import { installedCatalogues } from './flavour.ts';

/** Any number that all installers agree on. */
const installLock = 4_190_211;

/**
 * Installs pgSTAC from its own SQL (`pgstac.0.9.x.sql`) unless the database has it. The login role must be allowed to
 * create extensions and roles, and becomes a member of pgstac_admin. True when it was installed now.
 */
export function installPgstac(pool: pg.Pool, sqlText: string): Promise<boolean> {
  return underLock(pool, async (client) => {
    if ((await installedCatalogues(client)).pgstac) return false;
    await client.query(sqlText);
    return true;
  });
}

/**
 * Installs or renews the small STAC schema; PostGIS must be there. True when something was done. A schema that these
 * very files made is left alone, because even an idle CREATE INDEX IF NOT EXISTS waits for the writers.
 */
export async function installSmall(pool: pg.Pool): Promise<boolean> {
  const { text, mark } = smallSchema();
  const current = async (db: pg.Pool | pg.PoolClient) => (await installedCatalogues(db)).small === mark;
  if (await current(pool)) return false;
  return underLock(pool, async (client) => {
    if (await current(client)) return false;
    await client.query(`${text}\nCOMMENT ON SCHEMA stac_small IS '${mark}'`);
    return true;
  });
}

function smallSchema(): { text: string; mark: string } {
  const folder = join(sqlFolder, 'small-stac');
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  const text = files
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  return { text, mark: createHash('sha256').update(text).digest('hex') };
}

/** Safe to start in many processes at once: one installs, the others wait and find it. */
export async function underLock<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw mapDatabaseError(error);
  });
  try {
    await client.query('SELECT pg_advisory_lock($1)', [installLock]);
    return await work(client);
  } catch (error) {
    throw mapDatabaseError(error);
  } finally {
    client.release(!(await cleaned(client)));
  }
}

/** pgSTAC's script leaves a role and a search_path behind; PGlite has one session for everybody. */
async function cleaned(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('RESET ROLE; RESET search_path');
    await client.query('SELECT pg_advisory_unlock($1)', [installLock]);
    return true;
  } catch {
    return false;
  }
}
