import { z } from 'zod';
import { documentQuery } from '../../features/parameters.ts';
import { defineRoute } from '../../route.ts';

/** Not `oas30`: the API's definition is OpenAPI 3.1, for which Part 1 version 1.0 has no class. */
const conformsTo = ['core', 'geojson'].map((name) => `http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/${name}`);

export const featuresConformance = defineRoute({
  name: 'features_conformance',
  method: 'GET',
  path: 'features/conformance',
  auth: 'function',
  summary: 'OGC API Features: the conformance classes that are kept.',
  pathParameters: z.object({}),
  query: documentQuery,
  produces: 'application/json',
  errors: ['INVALID_PARAMETERS'],
  answer: async () => ({ status: 200, body: JSON.stringify({ conformsTo }) }),
});
