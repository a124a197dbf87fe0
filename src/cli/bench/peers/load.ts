import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { npm } from '../../setup/npm.ts';
import { cacheFolder } from '../../setup/paths.ts';
import { step } from '../../setup/step.ts';

const folder = join(cacheFolder, 'bench-peers');
const files = ['package.json', 'package-lock.json'];

/** Installs the compared packages from their lock file, in a folder of their own: they are no dependencies. */
export async function ensurePeers(): Promise<void> {
  if (files.every((name) => same(join(import.meta.dirname, name), join(folder, name))) && installed()) return;
  mkdirSync(folder, { recursive: true });
  for (const name of files) cpSync(join(import.meta.dirname, name), join(folder, name));
  // Not `ci`: it refuses a lock file without the builds of an optional package for platforms that a registry lacks.
  await step('Installing what the bench compares with', () => npm(['install', '--no-save'], 'bench-peers', folder));
}

/** A compared package, in the shape that its user here needs of it. */
export function peerPackage<Shape>(name: string): Shape {
  return createRequire(join(folder, 'package.json'))(name) as Shape;
}

export function peerVersion(name: string): string {
  const { packages } = JSON.parse(readFileSync(join(import.meta.dirname, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string }>;
  };
  return packages[`node_modules/${name}`]?.version ?? 'unknown';
}

function installed(): boolean {
  return read(join(folder, 'node_modules/.package-lock.json')) !== null;
}

function same(one: string, other: string): boolean {
  return read(one) === read(other);
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
