import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../setup/paths.ts';
import type { Outcome } from './outcome.ts';

/** The two checks that count as one test each. */
export const checks = ['types', 'lint'] as const;
export type Check = (typeof checks)[number];

const commands: Readonly<Record<Check, readonly [string, ...string[]]>> = {
  types: ['tsc', '-p', 'tsconfig.json', '--pretty', 'false'],
  lint: ['biome', 'ci', '--colors=off', '--max-diagnostics=50', '.'],
};

export async function runCheck(check: Check, signal: AbortSignal): Promise<Outcome> {
  const [tool, ...args] = commands[check];
  try {
    await promisify(execFile)(join(projectRoot, 'node_modules/.bin', tool), args, {
      cwd: projectRoot,
      signal,
      maxBuffer: 16 * 1024 * 1024,
    });
    return { passed: 1, failures: [], skips: [] };
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    const detail = `${stdout}${stderr}`.trim() || message;
    return { passed: 0, failures: [{ name: tool, detail }], skips: [] };
  }
}
