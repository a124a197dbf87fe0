import type { z } from 'zod';
import type { FeaturePage, FeatureQuery } from '../../../../core/ports/feature-collections.ts';
import { encodeCursor } from '../../cursor.ts';
import { geoJson, Links } from '../../features/links.ts';
import { collectionPath, documentQuery, featurePath, itemsQuery } from '../../features/parameters.ts';
import { defineRoute } from '../../route.ts';

export const featuresItems = defineRoute({
  name: 'features_items',
  method: 'GET',
  path: 'features/collections/{collection_id}/items',
  auth: 'function',
  summary: 'OGC API Features: a page of features; the `next` link leads on.',
  pathParameters: collectionPath,
  query: itemsQuery,
  otherQuery:
    'Features of which a property has this value, e.g. `country_code=BRA`. A name that is no column is an error.',
  produces: geoJson,
  errors: ['INVALID_PARAMETERS', 'COLLECTION_NOT_FOUND', 'FEATURE_UNREADABLE', 'QUERY_TIMEOUT', 'DATABASE_UNAVAILABLE'],
  async answer(app, { path, query, otherQuery, url }) {
    const page = await app.features.page(path.collection_id, featureQuery(query, otherQuery));
    return { status: 200, body: featureCollection(page, new Links(url), query.cursor === undefined) };
  },
});

export const featuresItem = defineRoute({
  name: 'features_item',
  method: 'GET',
  path: 'features/collections/{collection_id}/items/{feature_id}',
  auth: 'function',
  summary: 'OGC API Features: one feature.',
  pathParameters: featurePath,
  query: documentQuery,
  produces: geoJson,
  errors: [
    'INVALID_PARAMETERS',
    'COLLECTION_NOT_FOUND',
    'FEATURE_NOT_FOUND',
    'FEATURE_UNREADABLE',
    'QUERY_TIMEOUT',
    'DATABASE_UNAVAILABLE',
  ],
  async answer(app, { path, url }) {
    const feature = await app.features.feature(path.collection_id, path.feature_id);
    const links = new Links(url);
    const members = JSON.stringify([links.self(geoJson), links.collection(path.collection_id, 'collection')]);
    return { status: 200, body: `${feature.slice(0, -1)},"links":${members}}` };
  },
});

function featureQuery(
  { bbox, datetime, limit, cursor }: z.output<typeof itemsQuery>,
  properties: Readonly<Record<string, string>>,
): FeatureQuery {
  return {
    limit,
    properties,
    ...(cursor && { after: cursor.after }),
    ...(bbox && { boxes: bbox.boxes }),
    ...(bbox?.heights && { heights: bbox.heights }),
    ...(datetime && { time: datetime }),
  };
}

/** How many match is known, without counting, when the first page is the last. */
function featureCollection({ features, next }: FeaturePage, links: Links, first: boolean): string {
  const head = {
    timeStamp: new Date().toISOString(),
    ...(first && next === null && { numberMatched: features.length }),
    numberReturned: features.length,
    links: [links.self(geoJson), ...(next ? [links.next(encodeCursor({ after: next }))] : [])],
  };
  return `{"type":"FeatureCollection",${JSON.stringify(head).slice(1, -1)},"features":[${features.join(',')}]}`;
}
