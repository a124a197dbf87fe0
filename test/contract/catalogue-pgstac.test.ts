import { after } from 'node:test';
import pg from 'pg';
import { silentLog } from '../../core/log.ts';
import { openCatalogue } from '../../infrastructure/pgstac/catalogue.ts';
import { createTestDatabase } from '../tools/postgres.ts';
import { catalogueSuite } from './catalogue.ts';

const database = await createTestDatabase({ template: 'pgstac' });
const pool = new pg.Pool({ connectionString: database.url, max: 12 });
after(async () => {
  await pool.end();
  await database.drop();
});

catalogueSuite('pgSTAC', { open: () => openCatalogue({ pool, log: silentLog, flavour: 'auto' }), concurrent: true });
