import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from './npm.ts';
import { projectRoot } from './paths.ts';
import { step } from './step.ts';

interface LockedPackage {
  readonly version?: string;
  readonly optional?: boolean;
}

type Lock = Readonly<Record<string, LockedPackage>>;

/** True when what npm says it installed is what the lock file asks for. */
export function lockSatisfied(wanted: Lock, installed: Lock): boolean {
  const paths = Object.keys(wanted).filter((path) => path !== '');
  return (
    Object.keys(installed).every((path) => path in wanted) &&
    paths.every((path) => {
      const there = installed[path];
      if (there === undefined) return wanted[path]?.optional === true;
      return there.version === wanted[path]?.version;
    })
  );
}

/** Makes `node_modules` what `package-lock.json` says. No install script of any package runs. */
export async function ensurePackages(): Promise<void> {
  const wanted = readLock('package-lock.json');
  const installed = readLock('node_modules/.package-lock.json');
  if (wanted && installed && lockSatisfied(wanted, installed)) return;
  await step('Installing npm packages from the lock file', () => npm(['ci'], 'npm-ci'));
}

function readLock(path: string): Lock | null {
  try {
    const { packages } = JSON.parse(readFileSync(join(projectRoot, path), 'utf8')) as { packages: Lock };
    return packages;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
