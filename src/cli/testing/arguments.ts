import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type Check, checks } from './checks.ts';
import { type Suite, suites } from './test-files.ts';

export interface Selection {
  readonly checks: readonly Check[];
  readonly suites: readonly Suite[];
  readonly filters: readonly string[];
  readonly concurrency: number;
}

/**
 * Reads `[FILTER…] [--only NAME,…] [--concurrency N]`. With filters alone, only test files are meant.
 * @throws Error that says what is wrong, for the user.
 */
export function parseSelection(args: readonly string[]): Selection {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { only: { type: 'string', multiple: true }, concurrency: { type: 'string' } },
  });
  const only = (values.only ?? []).flatMap((names) => names.split(','));
  const known: readonly string[] = [...checks, ...suites];
  const unknown = only.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`--only knows ${known.join(', ')}; not ${unknown.join(', ')}`);
  const all = only.length === 0;
  return {
    checks: checks.filter((check) => (all ? positionals.length === 0 : only.includes(check))),
    suites: suites.filter((suite) => all || only.includes(suite)),
    filters: positionals,
    concurrency: parseConcurrency(values.concurrency),
  };
}

/** Two at least: most tests wait for a service more than they compute. */
function parseConcurrency(given: string | undefined): number {
  if (given === undefined) return Math.max(2, availableParallelism());
  const count = Number(given);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--concurrency takes a whole number, not ${given}`);
  return count;
}
