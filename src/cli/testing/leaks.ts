import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** Inherited by everything a test file starts, so that it is found again even in a process group of its own. */
export const markVariable = 'COREMACHINE_TEST_MARK';

const graceMs = 3_000;

/**
 * Ends what a test file has left running, and returns it as `pid: command`. Services that end with the file get a moment.
 * Where there is no /proc, only the file's own process group can be ended, and nothing is known to return.
 */
export async function endLeftovers(group: number, mark: string): Promise<readonly string[]> {
  const deadline = Date.now() + graceMs;
  let left = marked(mark);
  while (left.length > 0 && Date.now() < deadline) {
    await wait(50);
    left = marked(mark);
  }
  const described = left.map((pid) => `${pid}: ${commandOf(pid)}`);
  for (const pid of [...left, -group]) kill(pid);
  return described;
}

/** Ends them at once, for a run that is being broken off. */
export function killAll(group: number, mark: string): void {
  for (const pid of [-group, ...marked(mark)]) kill(pid);
}

function marked(mark: string): readonly number[] {
  const wanted = `${markVariable}=${mark}`;
  return processes().filter((pid) => read(pid, 'environ').split('\0').includes(wanted) && !isZombie(pid));
}

function processes(): readonly number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function isZombie(pid: number): boolean {
  return / Z /.test(read(pid, 'stat').replace(/\(.*\)/s, ''));
}

function commandOf(pid: number): string {
  return read(pid, 'cmdline').replaceAll('\0', ' ').trim();
}

/** Empty for a process that is gone by now, or another user's. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
