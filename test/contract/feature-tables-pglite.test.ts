import { PGlite } from '@electric-sql/pglite';
import { postgis } from '@electric-sql/pglite-postgis';
import { openFeatureTables } from '../../infrastructure/postgis/feature-tables.ts';
import { openPostgres } from '../../infrastructure/postgres/postgres.ts';
import { servePglite } from '../../src/local/stack/pglite-server.ts';
import { featureTablesSuite } from './feature-tables.ts';

featureTablesSuite('feature tables on PGlite', async () => {
  const database = await PGlite.create({ extensions: { postgis } });
  await database.exec('CREATE EXTENSION postgis');
  const server = await servePglite(database, 0);
  const postgres = await openPostgres({ url: `postgresql://postgres@127.0.0.1:${server.port}/postgres`, poolSize: 4 });
  const close = async () => {
    await postgres.close();
    await server.close();
    await database.close();
  };
  return {
    tables: openFeatureTables(postgres.pool, postgres.backend),
    sql: (text) => postgres.database.query(text),
    close,
  };
});
