import { openPostgres } from '../../infrastructure/postgres/postgres.ts';
import { startPglite } from '../tools/pglite.ts';
import { stateStoreContract } from './state-store.ts';

stateStoreContract('PGlite', async () => {
  const { url, stop } = await startPglite();
  const one = await openPostgres({ url, marksWaitMs: 0 });
  const two = await openPostgres({ url, marksWaitMs: 0 });
  const close = async () => {
    await Promise.all([one.close(), two.close()]);
    await stop();
  };
  return { store: one.store, other: two.store, close };
});
