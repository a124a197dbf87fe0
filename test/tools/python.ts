import { existsSync } from 'node:fs';
import { venvPython } from '../../src/cli/setup/python.ts';
import { type ProgramOptions, type ProgramOutput, program } from './program.ts';

/**
 * Runs the project's Python, in which test/requirements.txt is installed, e.g. `python(['-m', 'rio_cogeo', …])` or
 * `python(['-c', script])`.
 */
export function python(args: readonly string[], options: ProgramOptions = {}): Promise<ProgramOutput> {
  if (!existsSync(venvPython)) throw new Error('The Python environment of the tests is missing; type ./run setup');
  return program(venvPython, args, options);
}
