import { openFeatureTables } from '../../infrastructure/postgis/feature-tables.ts';
import { openPostgres } from '../../infrastructure/postgres/postgres.ts';
import { createTestDatabase } from '../tools/postgres.ts';
import { featureTablesSuite } from './feature-tables.ts';

featureTablesSuite('feature tables on PostgreSQL', async () => {
  const database = await createTestDatabase();
  const postgres = await openPostgres({ url: database.url, poolSize: 6 });
  const close = async () => {
    await postgres.close();
    await database.drop();
  };
  return {
    tables: openFeatureTables(postgres.pool, postgres.backend),
    sql: (text) => postgres.database.query(text),
    close,
  };
});
