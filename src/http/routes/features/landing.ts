import { z } from 'zod';
import { Links } from '../../features/links.ts';
import { documentQuery } from '../../features/parameters.ts';
import { defineRoute } from '../../route.ts';

export const featuresLanding = defineRoute({
  name: 'features_landing',
  method: 'GET',
  path: 'features',
  auth: 'function',
  summary: 'OGC API Features: where to go from here.',
  pathParameters: z.object({}),
  query: documentQuery,
  produces: 'application/json',
  errors: ['INVALID_PARAMETERS'],
  async answer(_app, { url }) {
    const links = new Links(url);
    const body = {
      title: 'CoreMachine features',
      description: 'Tables with geometries, made by jobs, as OGC API Features.',
      links: [links.self(), links.apiDefinition(), links.conformance(), links.collections()],
    };
    return { status: 200, body: JSON.stringify(body) };
  },
});
