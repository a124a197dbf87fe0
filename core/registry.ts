import { CoreMachineError } from './errors.ts';
import type { JobDefinition } from './job.ts';

/** All job types by name and alias. Building it checks every definition, so a broken one stops the start. */
export class JobRegistry {
  readonly #byName = new Map<string, JobDefinition>();
  readonly definitions: readonly JobDefinition[];

  constructor(definitions: readonly JobDefinition[]) {
    const problems = definitions.flatMap((definition) => this.#add(definition));
    if (problems.length > 0) {
      throw new CoreMachineError('CONFIGURATION_INVALID', problems.join('; '), {
        details: problems.map((message) => ({ message })),
      });
    }
    this.definitions = definitions;
  }

  /** The definition for a name or alias. */
  get(name: string): JobDefinition {
    const found = this.#byName.get(name);
    if (found) return found;
    const known = this.definitions.map((definition) => definition.name).sort();
    throw new CoreMachineError('UNKNOWN_JOB_TYPE', `unknown job type ${JSON.stringify(name.slice(0, 100))}`, {
      details: known.map((message) => ({ code: 'known_job_type', message })),
    });
  }

  #add(definition: JobDefinition): string[] {
    const file = `jobs/${definition.name.replaceAll('_', '-')}.ts`;
    const problems = problemsOf(definition).map((problem) => `${file}: ${problem}`);
    if (problems.length > 0) return problems;
    for (const name of [definition.name, ...definition.aliases]) {
      if (this.#byName.has(name)) problems.push(`${file}: the name ${name} is taken`);
      this.#byName.set(name, definition);
    }
    return problems;
  }
}

function problemsOf(definition: JobDefinition): string[] {
  if (definition.complete !== true || typeof definition.finalize !== 'function') return ['it has no finalize'];
  const problems: string[] = [];
  if (!/^[a-z][a-z0-9_]*$/.test(definition.name)) problems.push(`the name ${definition.name} is not snake_case`);
  const [first] = definition.stages;
  if (!first) problems.push('it has no stage');
  else if (first.parallelism !== 'single') problems.push('the first stage has no previous results to work on');
  const names = definition.stages.map((stage) => stage.name);
  if (new Set(names).size < names.length) problems.push('two stages have the same name');
  return problems;
}
