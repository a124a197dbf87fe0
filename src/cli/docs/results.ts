import type { JobDefinition } from '../../../core/job.ts';
import type { JsonObject } from '../../../core/json.ts';
import { ownResultSchema } from '../../http/result-schema.ts';

export const resultsIntro = [
  '`result_data` of a job that has completed, with errors or without, begins with `job_type` and ends with',
  '`stages_completed`, `total_tasks_executed` and `tasks_by_status {completed, failed}`. What lies between is below: `key {…}`',
  'is an object, `{*: …}` one whose keys are names from the data, `key […]` a list, `key?` may be missing, and `| null` follows',
  'an object or a list that may be null. The types, and which plain values may be null, are in `openapi.json` and in',
  '`GET jobs/types`; the meaning of `warnings` is in [errors.md](errors.md#warnings).',
];

/** The keys of a job's result, in a line; none where the job type does not say. */
export function resultLines(definition: JobDefinition): string[] {
  const schema = ownResultSchema(definition);
  if (!schema) return [];
  const shapes = Array.isArray(schema.anyOf) ? (schema.anyOf as readonly JsonObject[]) : [schema];
  return [`Result: ${shapes.map((shape) => members(shape).map(code).join(', ')).join('; or ')}.`, ''];
}

function members({ properties = {}, required = [] }: JsonObject): string[] {
  const always = required as readonly string[];
  return Object.entries(properties as Readonly<Record<string, JsonObject>>).map(
    ([key, schema]) => `${key}${always.includes(key) ? '' : '?'}${shapeOf(schema)}`,
  );
}

/** What follows the key: nothing for a plain value. */
function shapeOf(schema: JsonObject): string {
  if (Array.isArray(schema.anyOf)) {
    const options = schema.anyOf as readonly JsonObject[];
    const [shape = '', ...more] = options.map(shapeOf).filter((one) => one !== '');
    return shape === '' || more.length > 0 ? '' : `${shape} | null`;
  }
  if (schema.type === 'array') return ` [${inner(schema.items)}]`;
  if (schema.properties) return ` ${objectOf(schema)}`;
  if (schema.additionalProperties) return ` {*${isPlain(schema) ? '' : `: ${inner(schema.additionalProperties)}`}}`;
  return '';
}

function inner(schema: JsonObject[string]): string {
  return shapeOf((schema ?? {}) as JsonObject).trim();
}

function isPlain(schema: JsonObject): boolean {
  return inner(schema.additionalProperties) === '';
}

function objectOf(schema: JsonObject): string {
  return `{${members(schema).join(', ')}}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
