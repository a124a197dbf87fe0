import { z } from 'zod';
import { type ErrorCode, errorCatalogue } from '../../core/errors.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { resultSchema } from './result-schema.ts';
import type { Route } from './route.ts';
import { parametersSchema } from './routes/job-types.ts';

export const openApiMediaType = 'application/vnd.oai.openapi+json;version=3.1';

/** The OpenAPI 3.1 document, made from the very schemas that check the requests. */
export function openApiDocument(routes: readonly Route[], jobTypes: readonly JobDefinition[]): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    const path = `/api/${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, jobTypes) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'CoreMachine', version: '1', description: 'Job orchestration for geospatial work.' },
    paths,
    components: {
      schemas: {
        Error: errorSchema,
        ...Object.fromEntries(jobTypes.map((job) => [`${job.name}_parameters`, withoutDialect(parametersSchema(job))])),
        ...resultSchemas(jobTypes),
      },
      securitySchemes: {
        functionKey: { type: 'apiKey', in: 'header', name: 'x-functions-key' },
        functionKeyQuery: { type: 'apiKey', in: 'query', name: 'code' },
      },
    },
  };
}

const errorSchema: JsonObject = {
  type: 'object',
  required: ['error', 'message', 'request_id', 'timestamp'],
  properties: {
    error: { type: 'string', enum: Object.keys(errorCatalogue) },
    message: { type: 'string' },
    details: {
      type: 'array',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } },
      },
    },
    request_id: { type: 'string' },
    timestamp: { type: 'string', format: 'date-time' },
  },
};

function operation(route: Route, jobTypes: readonly JobDefinition[]): JsonObject {
  return {
    operationId: route.name,
    summary: route.summary,
    security: route.auth === 'anonymous' ? [] : [{ functionKey: [] }, { functionKeyQuery: [] }],
    parameters: [
      ...parameters('path', route.pathParameters),
      ...parameters('query', route.query),
      ...(route.otherQuery ? [freeParameters(route.otherQuery)] : []),
    ],
    ...(route.body && { requestBody: requestBody(route.body, bodySchema(route, jobTypes)) }),
    responses: responses(route, jobTypes),
  };
}

function requestBody(description: string, schema: JsonObject): JsonObject {
  return { description, content: { 'application/json': { schema } } };
}

function bodySchema({ bodySchema: schema }: Route, jobTypes: readonly JobDefinition[]): JsonObject {
  if (schema) return withoutDialect(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonObject);
  return { anyOf: jobTypes.map((job) => ({ $ref: `#/components/schemas/${job.name}_parameters` })) };
}

function parameters(place: 'path' | 'query', schema: z.ZodObject): JsonObject[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: keepDefault });
  return Object.entries(json.properties ?? {})
    .filter(([name]) => name !== 'code')
    .map(([name, property]) => ({
      name,
      in: place,
      required: place === 'path' || (json.required ?? []).includes(name),
      schema: property as JsonObject,
      // As the standards of OGC have lists: with commas.
      ...((property as JsonObject).type === 'array' && { style: 'form', explode: false }),
    }));
}

/** Zod leaves the default of a schema that transforms its input out. */
function keepDefault({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: JsonSchema }): void {
  const { def } = zodSchema._zod;
  if (def.type === 'default') jsonSchema.default ??= def.defaultValue as JsonObject[string];
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

function freeParameters(description: string): JsonObject {
  const schema: JsonObject = { type: 'object', additionalProperties: { type: 'string' } };
  return { name: 'properties', in: 'query', description, required: false, style: 'form', explode: true, schema };
}

/** What any route may answer: a parameter that it does not know, and the database that every answer needs. */
const everywhere = ['INVALID_PARAMETERS', 'DATABASE_UNAVAILABLE', 'INTERNAL'] as const satisfies readonly ErrorCode[];

/** Several codes may share a status: their meanings are listed together. */
function responses(route: Route, jobTypes: readonly JobDefinition[]): JsonObject {
  const ok = {
    description: 'OK',
    headers: { 'X-Request-ID': { schema: { type: 'string' } } },
    content: { [route.produces ?? 'application/json']: { schema: answerSchema(route, jobTypes) } },
  };
  const byStatus: Record<string, string[]> = {};
  for (const code of new Set([...route.errors, ...everywhere])) {
    const { httpStatus, meaning } = errorCatalogue[code];
    byStatus[httpStatus] = [...(byStatus[httpStatus] ?? []), `${code}: ${meaning}`];
  }
  const errors = Object.entries(byStatus).map(([status, lines]) => [
    status,
    {
      description: lines.join('\n'),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    },
  ]);
  return {
    200: ok,
    ...(route.auth === 'function' && { 401: { description: 'The function key is missing or wrong. No body.' } }),
    ...Object.fromEntries(errors),
    ...(route.whileClosed && { 503: { ...ok, description: 'A part is down: the same body says which.' } }),
  };
}

function answerSchema({ showsResult }: Route, jobTypes: readonly JobDefinition[]): JsonObject {
  if (!showsResult) return { type: 'object' };
  const anyOf = Object.keys(resultSchemas(jobTypes)).map((name) => ({ $ref: `#/components/schemas/${name}` }));
  const description = 'The result, once the job has completed; with the schema of its job type.';
  return { type: 'object', properties: { result_data: { description, anyOf } } };
}

function resultSchemas(jobTypes: readonly JobDefinition[]): Record<string, JsonObject> {
  const schemas = jobTypes.map((job) => [`${job.name}_result`, resultSchema(job)] as const);
  return Object.fromEntries(schemas.flatMap(([name, schema]) => (schema ? [[name, schema]] : [])));
}

function withoutDialect(schema: JsonObject): JsonObject {
  const { $schema: _dialect, ...rest } = schema;
  return rest;
}
