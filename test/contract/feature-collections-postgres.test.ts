import { createTestDatabase } from '../tools/postgres.ts';
import { featureCollectionsContract } from './feature-collections.ts';
import { featureOdditiesContract } from './feature-oddities.ts';

async function start() {
  const { url, drop } = await createTestDatabase();
  return { url, close: drop };
}

featureCollectionsContract('PostgreSQL', start);
featureOdditiesContract('PostgreSQL', start);
