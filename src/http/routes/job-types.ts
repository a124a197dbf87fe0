import { z } from 'zod';
import type { JobDefinition } from '../../../core/job.ts';
import type { JsonObject } from '../../../core/json.ts';
import { olderNamesOf } from '../../../core/machine/parameters.ts';
import { resultSchema } from '../result-schema.ts';
import { defineRoute } from '../route.ts';
import { keyParameter } from './job-id.ts';

export const jobTypes = defineRoute({
  name: 'job_types',
  method: 'GET',
  path: 'jobs/types',
  auth: 'function',
  summary: 'Every job type with its stages and the JSON Schemas of its parameters and its result.',
  pathParameters: z.object({}),
  query: keyParameter,
  errors: [],
  async answer(app) {
    const job_types = app.machine.engine.registry.definitions.map(describeJobType);
    return { status: 200, body: { job_types, count: job_types.length } };
  },
});

export function describeJobType(definition: JobDefinition): JsonObject {
  return {
    job_type: definition.name,
    aliases: definition.aliases,
    description: definition.description,
    stages: definition.stages.map((stage) => ({
      number: stage.number,
      name: stage.name,
      task_type: stage.handler.name,
      parallelism: stage.parallelism,
      on_failure: stage.onFailure,
    })),
    parameters: parametersSchema(definition),
    result: resultSchema(definition),
  };
}

/** JSON Schema (2020-12) of what a client may send: the parameters, and the names that older clients have for some. */
export function parametersSchema(definition: JobDefinition): JsonObject {
  const schema = ownParametersSchema(definition);
  const older = olderNamesOf(definition);
  const required = (schema.required ?? []) as readonly string[];
  const standsFor = [...older].filter(([, target]) => target !== null && required.includes(target));
  const replaced = standsFor.map(([, target]) => target);
  const still = required.filter((name) => !replaced.includes(name));
  const { required: _, ...rest } = schema;
  return {
    ...rest,
    properties: { ...(schema.properties as JsonObject), ...olderProperties(older) },
    ...(still.length > 0 && { required: still }),
    ...(standsFor.length > 0 && {
      allOf: standsFor.map(([name, target]) => ({ anyOf: [{ required: [target] }, { required: [name] }] })),
    }),
  };
}

function olderProperties(older: ReadonlyMap<string, string | null>): JsonObject {
  const meaning = (target: string | null) => (target === null ? "Kept in the job's metadata." : `Means ${target}.`);
  return Object.fromEntries(
    [...older].map(([name, target]) => {
      const description = `From older clients. ${meaning(target)}`;
      return [name, { type: 'string', ...(name.endsWith('_id') && { pattern: '\\S' }), description, deprecated: true }];
    }),
  );
}

/** The same without the older names. */
export function ownParametersSchema(definition: JobDefinition): JsonObject {
  return z.toJSONSchema(definition.parameters, { io: 'input', unrepresentable: 'any' }) as JsonObject;
}
