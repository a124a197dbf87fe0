import { createTestDatabase } from '../tools/postgres.ts';
import { featureCollectionsContract } from './feature-collections.ts';

featureCollectionsContract('PostgreSQL', async () => {
  const { url, drop } = await createTestDatabase();
  return { url, close: drop };
});
