import { z } from 'zod';
import { Links } from '../../features/links.ts';
import { collectionPath, documentQuery } from '../../features/parameters.ts';
import { collectionView } from '../../features/views.ts';
import { defineRoute } from '../../route.ts';

export const featuresCollections = defineRoute({
  name: 'features_collections',
  method: 'GET',
  path: 'features/collections',
  auth: 'function',
  summary: 'OGC API Features: all collections, one for each table and view with geometries.',
  pathParameters: z.object({}),
  query: documentQuery,
  produces: 'application/json',
  errors: ['INVALID_PARAMETERS', 'QUERY_TIMEOUT', 'DATABASE_UNAVAILABLE'],
  async answer(app, { url }) {
    const links = new Links(url);
    const collections = (await app.features.list()).map((collection) => collectionView(collection, links));
    const body = { links: [links.self(), links.root()], timeStamp: new Date().toISOString(), collections };
    return { status: 200, body: JSON.stringify(body) };
  },
});

export const featuresCollection = defineRoute({
  name: 'features_collection',
  method: 'GET',
  path: 'features/collections/{collection_id}',
  auth: 'function',
  summary: 'OGC API Features: one collection, with its extent and the columns of its table.',
  pathParameters: collectionPath,
  query: documentQuery,
  produces: 'application/json',
  errors: ['INVALID_PARAMETERS', 'COLLECTION_NOT_FOUND', 'QUERY_TIMEOUT', 'DATABASE_UNAVAILABLE'],
  async answer(app, { path, url }) {
    const collection = await app.features.describe(path.collection_id);
    return { status: 200, body: JSON.stringify(collectionView(collection, new Links(url))) };
  },
});
