import { z } from 'zod';
import type { JobDefinition } from '../../../core/job.ts';
import type { JsonObject } from '../../../core/json.ts';
import { defineRoute } from '../route.ts';
import { keyParameter } from './job-id.ts';

export const jobTypes = defineRoute({
  name: 'job_types',
  method: 'GET',
  path: 'jobs/types',
  auth: 'function',
  summary: 'Every job type with its stages and the JSON Schema of its parameters.',
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
  };
}

/** JSON Schema (2020-12) of what a client may send. */
export function parametersSchema(definition: JobDefinition): JsonObject {
  return z.toJSONSchema(definition.parameters, { io: 'input', unrepresentable: 'any' }) as JsonObject;
}
