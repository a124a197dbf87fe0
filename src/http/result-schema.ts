import { z } from 'zod';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';

const count: JsonObject = { type: 'integer', minimum: 0 };

/** What the engine adds to every result, after what the job type says. */
const tail: Readonly<Record<string, JsonObject>> = {
  stages_completed: count,
  total_tasks_executed: count,
  tasks_by_status: {
    type: 'object',
    properties: { completed: count, failed: count },
    required: ['completed', 'failed'],
  },
};

/** JSON Schema of `result_data` of a completed job; null where the job type does not say. */
export function resultSchema(definition: JobDefinition): JsonObject | null {
  const own = ownResultSchema(definition);
  return own && framed(own, { type: 'string', const: definition.name });
}

/** The same without what the engine adds. */
export function ownResultSchema({ result }: JobDefinition): JsonObject | null {
  // As an input: a later version may have more keys, so none are forbidden.
  return result && (z.toJSONSchema(result, { io: 'input', unrepresentable: 'any' }) as JsonObject);
}

function framed(schema: JsonObject, jobType: JsonObject): JsonObject {
  const { $schema: _dialect, anyOf, ...rest } = schema;
  if (Array.isArray(anyOf)) return { ...rest, anyOf: anyOf.map((option) => framed(option as JsonObject, jobType)) };
  const required = (rest.required ?? []) as readonly string[];
  return {
    ...rest,
    properties: { job_type: jobType, ...(rest.properties as JsonObject), ...tail },
    required: ['job_type', ...required, ...Object.keys(tail)],
  };
}
