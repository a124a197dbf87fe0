import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { underLock } from '../pgstac/install.ts';
import { mapDatabaseError } from '../postgres/errors.ts';
import { sqlFolder } from '../postgres/sql-files.ts';

/**
 * Makes or renews a schema with tables of geometries from sql/geo/`file`, which may run again on an existing one. Not a
 * migration, because PostGIS has to be there, and pgSTAC brings it. A schema that this very file made is left alone.
 */
export async function installGeoSchema(pool: pg.Pool, schema: string, file: string): Promise<void> {
  const text = readFileSync(join(sqlFolder, 'geo', file), 'utf8');
  const mark = createHash('sha256').update(text).digest('hex');
  const current = async (db: pg.Pool | pg.PoolClient) => (await commentOf(db, schema)) === mark;
  if (await current(pool)) return;
  await underLock(pool, async (client) => {
    if (await current(client)) return;
    await client.query(`${text}\nCOMMENT ON SCHEMA ${schema} IS '${mark}'`);
  });
}

async function commentOf(db: pg.Pool | pg.PoolClient, schema: string): Promise<string | null> {
  try {
    const { rows } = await db.query<{ comment: string | null }>(
      "SELECT obj_description(to_regnamespace($1), 'pg_namespace') AS comment",
      [schema],
    );
    return rows[0]?.comment ?? null;
  } catch (error) {
    throw mapDatabaseError(error);
  }
}
