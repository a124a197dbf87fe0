import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { NeedsByHandError } from './errors.ts';
import { step } from './step.ts';
import { runTool } from './tool.ts';

/** Something the operating system's package manager brings. */
export interface SystemPackage {
  readonly apt: string;
  /** Homebrew's name for it; null when macOS has it with its command line tools. */
  readonly brew: string | null;
  present(): boolean;
}

export function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Installs what is missing, in one go. @throws NeedsByHandError when that takes a right this process lacks. */
export async function ensureSystemPackages(packages: readonly SystemPackage[]): Promise<void> {
  const missing = packages.filter((one) => !one.present());
  if (missing.length === 0) return;
  const asRoot = aptPrefix();
  if (asRoot === null) throw byHand(missing);
  const names = missing.map((one) => one.apt);
  const apt = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  await step(`Installing ${names.join(', ')} with apt`, async () => {
    await call([...apt, 'update'], 'apt-update');
    await call([...apt, 'install', '-y', '--no-install-recommends', ...names], 'apt-install');
  });
  const still = missing.filter((one) => !one.present()).map((one) => one.apt);
  if (still.length > 0) throw new Error(`apt installed ${still.join(', ')}, but what they bring is not found.`);
}

/** True when missing system packages can be installed without asking anybody. */
export function mayInstall(): boolean {
  return aptPrefix() !== null;
}

/** What to put before apt-get: nothing for root, sudo where it asks no password; null where neither is given. */
function aptPrefix(): readonly string[] | null {
  if (!onPath('apt-get')) return null;
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : null;
}

function byHand(missing: readonly SystemPackage[]): NeedsByHandError {
  const names = missing.map((one) => one.apt).join(' ');
  if (process.platform === 'darwin') {
    const formulas = missing.flatMap((one) => one.brew ?? []).join(' ');
    const command = formulas === '' ? 'xcode-select --install' : `brew install ${formulas}`;
    return new NeedsByHandError(`Some programs are missing (${names}).`, command);
  }
  if (onPath('apt-get')) {
    const command = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names}`;
    return new NeedsByHandError('Some system packages are missing, and installing them needs root.', command);
  }
  return new NeedsByHandError(
    'Some system packages are missing. Below are their names on Debian; use what your system calls them.',
    `install ${names}`,
  );
}

function call(command: readonly string[], log: string): Promise<void> {
  const [program = '', ...args] = command;
  return runTool(program, args, { log });
}
