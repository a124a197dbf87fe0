import { z } from 'zod';
import { openApiDocument, openApiMediaType } from '../openapi.ts';
import { defineRoute } from '../route.ts';
import { keyParameter } from './job-id.ts';

export const openApi = defineRoute({
  name: 'openapi',
  method: 'GET',
  path: 'openapi.json',
  auth: 'function',
  summary: 'This document: OpenAPI 3.1.',
  pathParameters: z.object({}),
  query: keyParameter,
  produces: openApiMediaType,
  errors: [],
  answer: async (app) => ({
    status: 200,
    body: JSON.stringify(openApiDocument(app.routes, app.machine.engine.registry.definitions)),
  }),
});
