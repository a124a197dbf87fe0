import { delimiter } from 'node:path';
import { cacheFolder } from './paths.ts';
import { runTool } from './tool.ts';

/** Runs npm quietly in `cwd` (default: the project), its output in a log. No install script of any package runs. */
export function npm(args: readonly string[], log: string, cwd?: string): Promise<void> {
  const [command = '', ...rest] = args;
  const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
  return runTool('npm', [command, ...options, ...rest], {
    log,
    env: { ...process.env, PATH: machinePath() },
    ...(cwd !== undefined && { cwd }),
  });
}

/** Debian's npm finds its modules only under Debian's own Node: npm runs with the Node it came with. */
function machinePath(): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => !folder.startsWith(cacheFolder)).join(delimiter);
}
