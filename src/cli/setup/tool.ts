import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ToolFailedError } from './errors.ts';
import { logFolder, projectRoot } from './paths.ts';

const tailLines = 30;

export interface ToolOptions {
  /** Name of the log file under `.cache/logs`, without extension. */
  readonly log: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

/**
 * Runs a program with its output in a log file.
 * @throws ToolFailedError with the end of the log when it cannot start, exits with a code or takes too long.
 */
export async function runTool(program: string, args: readonly string[], options: ToolOptions): Promise<void> {
  mkdirSync(logFolder, { recursive: true });
  const logFile = join(logFolder, `${options.log}.log`);
  const output = openSync(logFile, 'w');
  const child = spawn(program, args, {
    cwd: options.cwd ?? projectRoot,
    env: options.env ?? process.env,
    stdio: ['ignore', output, output],
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
  });
  const problem = await new Promise<string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === 0 ? null : `ended with ${signal ?? `exit code ${code}`}`));
  });
  if (problem === null) return;
  const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-tailLines).join('\n');
  throw new ToolFailedError(`${[program, ...args].join(' ')}: ${problem}`, tail, logFile);
}
