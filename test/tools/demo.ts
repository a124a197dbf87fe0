import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../../src/cli/setup/paths.ts';

export interface DemoRun {
  /** Where it writes out/ and .cache/. */
  readonly cwd: string;
  /** None: the project's own samples. */
  readonly files?: readonly string[];
  /** A copy of the project, to run that one. */
  readonly project?: string;
}

/** What `./run demo` does once everything is set up. */
export async function runDemo({ cwd, files = [], project = projectRoot }: DemoRun) {
  const entry = join(project, 'src/cli/demo.ts');
  const child = spawn(process.execPath, [entry, ...files], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
