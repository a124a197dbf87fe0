import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

export interface ProgramOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. @throws with its output in the message when it does not exit with 0. */
export async function program(
  name: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramOutput> {
  const { timeoutMs = 120_000, ...rest } = options;
  try {
    return await promisify(execFile)(name, args, { ...rest, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as Partial<ProgramOutput>;
    throw new Error(`${[name, ...args].join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
