import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasHeaders, nodePackage } from './node-package.ts';

/**
 * A folder with `include/node` of exactly the running Node, for building addons: beside its program, else from npm's
 * package of the same build. Null where npm has none for this platform; node-gyp then downloads them itself.
 */
export async function nodeHeaders(): Promise<string | null> {
  const beside = dirname(dirname(realpathSync(process.execPath)));
  if (hasHeaders(beside)) return beside;
  const { node } = process.versions;
  return nodePackage(node, `Getting the headers of Node ${node}`);
}
