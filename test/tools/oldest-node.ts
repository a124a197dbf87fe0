import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodePackage } from '../../src/cli/setup/node-package.ts';
import { projectRoot } from '../../src/cli/setup/paths.ts';

/** The program of the oldest Node that package.json promises to do; null where npm has none for this platform. */
export async function oldestNode(): Promise<string | null> {
  const { engines } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const version = `${engines.node.replace('>=', '')}.0`;
  const folder = await nodePackage(version, `Getting Node ${version}`);
  return folder && join(folder, 'bin/node');
}
