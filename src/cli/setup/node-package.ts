import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from './npm.ts';
import { cacheFolder } from './paths.ts';
import { step } from './step.ts';

const marker = 'include/node/node_version.h';

/** Whether a folder holds Node's headers, as an installation and npm's package do. */
export function hasHeaders(folder: string): boolean {
  return existsSync(join(folder, marker));
}

/** A folder with `bin/node` and `include/node` of a version of Node, as npm has it; null where it has none for this platform. */
export async function nodePackage(version: string, title: string): Promise<string | null> {
  const name = `node-${process.platform}-${process.arch}`;
  const place = join(cacheFolder, `npm-node-${version}`);
  const folder = join(place, 'node_modules', name);
  if (hasHeaders(folder)) return folder;
  try {
    await step(title, () => npm(['install', '--prefix', place, '--no-save', `${name}@${version}`], `node-${version}`));
  } catch {
    return null;
  }
  return hasHeaders(folder) ? folder : null;
}
