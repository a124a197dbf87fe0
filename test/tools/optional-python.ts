import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pip, venvPython } from '../../src/cli/setup/python.ts';

/**
 * Installs `test/requirements-NAME.txt` into the tests' Python environment. Null when all of it is there, else why it
 * is not, to skip a test with.
 */
export async function pythonMissing(name: string): Promise<string | null> {
  if (!existsSync(venvPython)) return 'the Python environment of the tests is missing; type ./run setup';
  const requirements = join(import.meta.dirname, `../requirements-${name}.txt`);
  const installedMark = join(venvPython, `../../requirements-${name}.sha256`);
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(installedMark) && readFileSync(installedMark, 'utf8') === wanted) return null;
  try {
    await pip(['install', '--retries', '2', '-r', requirements], `python-${name}`);
    writeFileSync(installedMark, wanted);
    return null;
  } catch (error) {
    return `PyPI could not deliver ${name}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
