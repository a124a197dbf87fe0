import type { z } from 'zod';
import { CoreMachineError, type ErrorDetail } from '../errors.ts';
import type { JobDefinition } from '../job.ts';
import { containsLoneSurrogate, containsNul, isObject, type JsonObject, type JsonValue, jsonExceeds } from '../json.ts';
import { limits } from '../limits.ts';

export interface ParsedParameters {
  /** As the job type's schema left them, defaults filled in. */
  readonly parameters: JsonObject;
  /** `dataset_id`, `resource_id`, `version_id`, where given. */
  readonly metadata: JsonObject;
  /** What the job's id is made of. */
  readonly identity: JsonObject;
}

/** Ids that older clients send instead of a place, and the parameter each stands for when that one is missing. */
const legacyIds = { dataset_id: 'container_name', resource_id: 'blob_name', version_id: null } as const;
const legacyNames = { target_table: 'table_name', target_schema: 'schema' } as const;

/**
 * Checks a request body against the job type's schema. Throws INVALID_PARAMETERS with every problem at once,
 * BAD_JSON when the body is not an object, PARAMETERS_TOO_LARGE over 1 MiB.
 */
export function parseParameters(definition: JobDefinition, body: unknown): ParsedParameters {
  if (!isObject(body)) throw new CoreMachineError('BAD_JSON', 'the body must be a JSON object of parameters');
  if (jsonExceeds(body, limits.parametersBytes)) {
    throw new CoreMachineError('PARAMETERS_TOO_LARGE', 'the parameters are larger than 1 MiB as JSON');
  }
  const problems: ErrorDetail[] = [];
  const { given, metadata } = translateLegacyNames(definition, body, problems);
  if (containsNul(body)) problems.push({ code: 'nul_character', message: 'a text holds the character U+0000' });
  if (containsLoneSurrogate(body)) {
    problems.push({ code: 'lone_surrogate', message: 'a text holds half of a surrogate pair: it is not Unicode' });
  }
  const parsed = definition.parameters.safeParse(given, { error: missing });
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap(detailsOf));
  if (!parsed.success || problems.length > 0) {
    throw new CoreMachineError('INVALID_PARAMETERS', summary(definition.name, problems), { details: problems });
  }
  const parameters = parsed.data as JsonObject;
  const identity = Object.entries({ ...parameters, ...metadata }).filter(
    ([key]) => !definition.notPartOfId.includes(key),
  );
  return { parameters, metadata, identity: Object.fromEntries(identity) };
}

/** The older names that a job type takes besides its parameters, each with the parameter of the job that it stands for. */
export function olderNamesOf({ parameters: { shape } }: JobDefinition): ReadonlyMap<string, string | null> {
  const ids = Object.entries(legacyIds).map(([id, target]) => [id, target && target in shape ? target : null] as const);
  const names = Object.entries(legacyNames).filter(([, target]) => target in shape);
  return new Map([...ids, ...names].filter(([name]) => !(name in shape)));
}

function translateLegacyNames(definition: JobDefinition, body: JsonObject, problems: ErrorDetail[]) {
  const older = olderNamesOf(definition);
  const given: Record<string, JsonValue | undefined> = { ...body };
  const metadata: Record<string, JsonValue> = {};
  for (const [alias, target] of older) {
    const value = given[alias];
    if (value === undefined) continue;
    delete given[alias];
    if (alias in legacyIds) {
      if (typeof value === 'string' && value.trim() !== '') metadata[alias] = value;
      else problems.push({ path: alias, code: 'invalid_type', message: 'must be a non-blank string' });
    }
    if (target === null) continue;
    if (given[target] === undefined) given[target] = value;
    else if (given[target] !== value) {
      problems.push({ path: alias, code: 'conflict', message: `${alias} and ${target} are both given and differ` });
    }
  }
  return { given, metadata };
}

function detailsOf(issue: z.core.$ZodIssue): ErrorDetail[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...issue.path, key.slice(0, 100)].join('.'),
      code: 'unknown_parameter',
      message: 'there is no parameter of this name; GET jobs/types shows those there are',
    }));
  }
  return [{ path: issue.path.join('.'), code: issue.code ?? 'invalid', message: issue.message.slice(0, 500) }];
}

/** In place of zod's own words, which call it undefined. */
function missing({ code, input }: z.core.$ZodRawIssue): string | undefined {
  return code === 'invalid_type' && input === undefined ? 'is required' : undefined;
}

function summary(jobType: string, problems: readonly ErrorDetail[]): string {
  return `${problems.length} problem${problems.length === 1 ? '' : 's'} in the parameters of ${jobType}`;
}
