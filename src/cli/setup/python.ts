import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, projectRoot } from './paths.ts';
import { step } from './step.ts';
import type { SystemPackage } from './system-packages.ts';
import { runTool } from './tool.ts';

const folder = join(cacheFolder, 'python');
const requirements = join(projectRoot, 'test/requirements.txt');
const installedMark = join(folder, 'requirements.sha256');

/** The Python of this project's own environment; exists after `ensureVenv`. */
export const venvPython = join(folder, 'bin/python');

export const pythonPackages: readonly SystemPackage[] = [
  { apt: 'python3', brew: 'python', present: () => hasPython() || existsSync('/usr/bin/python3') },
  { apt: 'python3-venv', brew: null, present: hasPython },
];

/** An environment of its own, so that nothing is installed into the machine's Python. */
export async function ensureVenv(): Promise<void> {
  if (venvWorks()) return;
  const base = basePython();
  if (base === null) throw new Error('No Python 3 with the venv module was found.');
  rmSync(folder, { recursive: true, force: true });
  await step('Making a Python environment', () => runTool(base, ['-m', 'venv', folder], { log: 'python-venv' }));
}

/** The second opinions that tests ask for: rio-cogeo, rasterio, stac-validator, azure-servicebus. */
export async function ensureTestPython(): Promise<void> {
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (venvWorks() && existsSync(installedMark) && readFileSync(installedMark, 'utf8') === wanted) return;
  await ensureVenv();
  await step('Installing the Python packages that tests use', () => pip(['install', '-r', requirements], 'python-pip'));
  writeFileSync(installedMark, wanted);
}

export function pip(args: readonly string[], log: string): Promise<void> {
  return runTool(venvPython, ['-m', 'pip', '--disable-pip-version-check', '--no-input', ...args], { log });
}

function hasPython(): boolean {
  return venvWorks() || basePython() !== null;
}

function venvWorks(): boolean {
  return existsSync(venvPython) && existsSync(join(folder, 'bin/pip'));
}

/** Debian's Python comes without ensurepip until python3-venv is installed; a user's own may come before it. */
function basePython(): string | null {
  const usable = (python: string) => spawnSync(python, ['-c', 'import venv, ensurepip']).status === 0;
  return ['python3', '/usr/bin/python3'].find(usable) ?? null;
}
