import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '../../src/cli/client.ts';
import { isRunning } from './child-processes.ts';
import { eventually } from './poll.ts';
import { program } from './program.ts';

const entry = fileURLToPath(new URL('../../src/cli/start.ts', import.meta.url));

/** `./run start`, a process group of its own, as a terminal has it. */
export interface StartCommand {
  readonly process: ChildProcess;
  readonly functionKey: string;
  readonly client: ApiClient;
  /** The address for `scene.tif` in the line that says how to put a file into the storage; it can be read as well. */
  readonly upload: string;
  /** Its processes, the first one too. */
  readonly family: readonly number[];
  /** To the whole group, as a terminal does it. */
  signalAll(signal: NodeJS.Signals): void;
  /** When none of its processes is left. */
  gone(): Promise<void>;
}

export async function startCommand(folder: string, args: readonly string[] = []): Promise<StartCommand> {
  const child = spawn(process.execPath, [entry, '--port', '0', '--data', 'data', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const pid = child.pid ?? 0;
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const said = (pattern: RegExp) =>
    pattern.exec(output)?.[1] ?? (child.exitCode !== null && Promise.reject(new Error(output)));
  const url = await eventually(() => said(/listens on (http:\S+)\/api/), { timeoutMs: 90_000 });
  const functionKey = await eventually(() => said(/function key: (\S+)/));
  const upload = await eventually(() => said(/curl -T .+ '([^']+)'\n/));
  const family = await familyOf(pid);
  return {
    ...{ process: child, functionKey, upload, family, client: new ApiClient(url, functionKey) },
    signalAll: (signal) => process.kill(-pid, signal),
    async gone() {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await eventually(() => !family.some(isRunning), { timeoutMs: 30_000 });
    },
  };
}

/** A process and all below it. */
export async function familyOf(pid: number): Promise<number[]> {
  const { stdout } = await program('ps', ['-eo', 'pid=,ppid=']);
  const parents = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) {
    for (const [child, of] of parents) if (of === parent && child !== undefined) found.push(child);
  }
  return found;
}
