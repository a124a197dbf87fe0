import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { npm } from './npm.ts';
import { cacheFolder } from './paths.ts';
import { step } from './step.ts';

const marker = 'include/node/node_version.h';

/**
 * A folder with `include/node` of exactly the running Node, for building addons: beside its program, else from npm's
 * package of the same build. Null where npm has none for this platform; node-gyp then downloads them itself.
 */
export async function nodeHeaders(): Promise<string | null> {
  const beside = dirname(dirname(realpathSync(process.execPath)));
  if (existsSync(join(beside, marker))) return beside;
  const version = process.versions.node;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(cacheFolder, `headers-${version}`);
  const headers = join(folder, 'node_modules', name);
  if (existsSync(join(headers, marker))) return headers;
  try {
    await step(`Getting the headers of Node ${version}`, () =>
      npm(['install', '--prefix', folder, '--no-save', `${name}@${version}`], 'node-headers'),
    );
  } catch {
    return null;
  }
  return existsSync(join(headers, marker)) ? headers : null;
}
