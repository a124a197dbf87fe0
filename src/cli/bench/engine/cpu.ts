import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  /** Clock ticks, user and system, of the process and of its ended children. */
  readonly ticks: number;
}

/** CPU seconds that a process and its descendants, ended ones included, have used so far. Linux only (reads /proc). */
export async function cpuSeconds(root: number): Promise<number> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = (await Promise.all(names.map(timesOf))).filter((times) => times !== null);
  const waiting = [root];
  let ticks = 0;
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    for (const times of all) {
      if (times.pid === pid) ticks += times.ticks;
      if (times.parent === pid) waiting.push(times.pid);
    }
  }
  return ticks / ticksPerSecond;
}

async function timesOf(pid: string): Promise<ProcessTimes | null> {
  try {
    return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

/** A line of /proc/PID/stat, see proc(5). */
export function parseStat(text: string): ProcessTimes {
  // The name in parentheses may hold anything; the fields after it do not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid: Number.parseInt(text, 10), parent: Number(fields[1]), ticks };
}
