import { openPostgres } from '../../infrastructure/postgres/postgres.ts';
import { createTestDatabase } from '../tools/postgres.ts';
import { stateStoreContract } from './state-store.ts';

stateStoreContract('PostgreSQL', async () => {
  const { url, drop } = await createTestDatabase({ template: 'empty' });
  const [one, two] = await Promise.all([openPostgres({ url, marksWaitMs: 0 }), openPostgres({ url, marksWaitMs: 0 })]);
  const close = async () => {
    await Promise.all([one.close(), two.close()]);
    await drop();
  };
  return { store: one.store, other: two.store, close };
});
