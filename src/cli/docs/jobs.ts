import type { JobDefinition, StageDefinition } from '../../../core/job.ts';
import type { JsonObject } from '../../../core/json.ts';
import { ownParametersSchema } from '../../http/routes/job-types.ts';
import { resultLines, resultsIntro } from './results.ts';

/** docs/jobs.md: every job type with its parameters, stages and result. */
export function jobsPage(definitions: readonly JobDefinition[]): string {
  const intro = [
    '# Job types',
    '',
    'Generated from `jobs/` by `./run docs`. Submit with `POST /api/jobs/submit/{job_type}`; unknown parameters are errors.',
    '',
    'Older clients may send other names, on every job type: `dataset_id`, `resource_id` and `version_id`. `dataset_id` stands',
    'for a missing `container_name`, `resource_id` for a missing `blob_name`, where the job type has such a parameter; given',
    'both, they must be equal. All three are kept with the job and are part of its id: another `version_id` makes another job.',
    '`target_table` and `target_schema` stand for `table_name` and `schema` of the job types that have them. For example',
    '`POST /api/jobs/process_raster {"dataset_id": "bronze", "resource_id": "a.tif", "version_id": "v1"}`.',
    '',
    ...resultsIntro,
    '',
  ];
  return [...intro, ...definitions.flatMap(section)].join('\n');
}

function section(definition: JobDefinition): string[] {
  const aliases =
    definition.aliases.length > 0 ? ` Also: ${definition.aliases.map((alias) => `\`${alias}\``).join(', ')}.` : '';
  return [
    `## ${definition.name}`,
    '',
    `${definition.description}.${aliases}`.replace('..', '.'),
    '',
    '| parameter | type | default | meaning |',
    '|---|---|---|---|',
    ...parameterRows(definition),
    '',
    '| stage | handler | tasks | a failed task |',
    '|---|---|---|---|',
    ...definition.stages.map(stageRow),
    '',
    ...resultLines(definition),
  ];
}

function parameterRows(definition: JobDefinition): string[] {
  const schema = ownParametersSchema(definition);
  const required = (schema.required ?? []) as readonly string[];
  return Object.entries((schema.properties ?? {}) as JsonObject).map(([name, property]) => {
    const { default: fallback, description = '' } = property as { default?: unknown; description?: string };
    const shown = required.includes(name)
      ? '**required**'
      : fallback === undefined
        ? ''
        : `\`${JSON.stringify(fallback)}\``;
    return `| \`${name}\` | ${typeOf(property as JsonObject)} | ${shown} | ${cell(description)} |`;
  });
}

function typeOf(property: JsonObject): string {
  if (Array.isArray(property.enum)) return property.enum.map((value) => `\`${value}\``).join(' ');
  if (Array.isArray(property.anyOf)) return property.anyOf.map((option) => typeOf(option as JsonObject)).join(' or ');
  const range = [property.minimum, property.maximum].filter(
    (bound) => typeof bound === 'number' && Math.abs(bound) < 1e15,
  );
  return `${property.type ?? 'any'}${range.length === 2 ? ` ${range[0]}-${range[1]}` : ''}`;
}

function stageRow({ number, name, handler, parallelism, onFailure }: StageDefinition): string {
  return `| ${number} \`${name}\` | \`${handler.name}\`: ${cell(handler.description)} | ${parallelism} | ${onFailure === 'fail' ? 'fails the job' : 'is reported, the rest goes on'} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
