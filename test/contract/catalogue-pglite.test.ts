import { readFile } from 'node:fs/promises';
import { after } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist';
import { unaccent } from '@electric-sql/pglite/contrib/unaccent';
import { postgis } from '@electric-sql/pglite-postgis';
import pg from 'pg';
import { silentLog } from '../../core/log.ts';
import { openCatalogue } from '../../infrastructure/pgstac/catalogue.ts';
import { installPgstac } from '../../infrastructure/pgstac/install.ts';
import { ensurePgstacSql } from '../../src/cli/setup/pgstac.ts';
import { servePglite } from '../../src/local/stack/pglite-server.ts';
import { catalogueSuite } from './catalogue.ts';

const pgstacSql = await ensurePgstacSql();
if (pgstacSql === null) throw new Error('The tests need pgSTAC, and its SQL could not be fetched.');

const database = await PGlite.create({ extensions: { postgis, btree_gist, unaccent } });
await database.exec('CREATE EXTENSION postgis');
const server = await servePglite(database, 0);
const pool = new pg.Pool({ connectionString: `postgres://postgres@127.0.0.1:${server.port}/postgres`, max: 5 });
await installPgstac(pool, await readFile(pgstacSql, 'utf8'));
after(async () => {
  await pool.end();
  await server.close();
  await database.close();
});

const open = (flavour: 'pgstac' | 'small') => () => openCatalogue({ pool, log: silentLog, flavour });
catalogueSuite('pgSTAC on PGlite', { open: open('pgstac'), concurrent: false });
catalogueSuite('small schema on PGlite', { open: open('small'), concurrent: false });
