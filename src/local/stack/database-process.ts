import { readFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist';
import { unaccent } from '@electric-sql/pglite/contrib/unaccent';
import { postgis } from '@electric-sql/pglite-postgis';
import { childOptions, childReady } from './child.ts';
import { servePglite } from './pglite-server.ts';

export interface DatabaseOptions {
  /** Folder of the data, or null for memory. */
  readonly folder: string | null;
  readonly port: number;
  /** File with pgSTAC's SQL, or null where it could not be had. */
  readonly pgstacSql: string | null;
}

const options = await childOptions<DatabaseOptions>();
const database = await PGlite.create({
  ...(options.folder && { dataDir: options.folder }),
  extensions: { postgis, btree_gist, unaccent },
});
await database.exec(
  'CREATE EXTENSION IF NOT EXISTS postgis; CREATE EXTENSION IF NOT EXISTS btree_gist; CREATE EXTENSION IF NOT EXISTS unaccent',
);
if (options.pgstacSql) await installPgstac(database, options.pgstacSql);

const server = await servePglite(database, options.port);
childReady({ url: `postgresql://postgres@127.0.0.1:${server.port}/postgres?sslmode=disable` }, async () => {
  await server.close();
  await database.close();
});

async function installPgstac(db: PGlite, file: string): Promise<void> {
  const found = await db.query<{ schema: string | null }>("SELECT to_regnamespace('pgstac')::text AS schema");
  if (found.rows[0]?.schema) return;
  await db.exec(await readFile(file, 'utf8'));
  // The script leaves its own search_path behind, and PGlite has one session for everybody.
  await db.exec('RESET ALL; RESET ROLE');
}
