import { PGlite } from '@electric-sql/pglite';
import { postgis } from '@electric-sql/pglite-postgis';
import { servePglite } from '../../src/local/stack/pglite-server.ts';
import { featureCollectionsContract } from './feature-collections.ts';
import { featureOdditiesContract } from './feature-oddities.ts';

async function start() {
  const database = await PGlite.create({ extensions: { postgis } });
  await database.exec('CREATE EXTENSION postgis');
  const server = await servePglite(database, 0);
  const close = async () => {
    await server.close();
    await database.close();
  };
  return { url: `postgresql://postgres@127.0.0.1:${server.port}/postgres`, close };
}

featureCollectionsContract('PGlite', start);
featureOdditiesContract('PGlite', start);
