import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Which process something belongs to; the start time tells a process from a later one that got the same id. */
export interface ProcessMark {
  /** Eight hexadecimal digits that stand for the machine's (or container's) name. */
  readonly host: string;
  readonly pid: number;
  /** Start of the process in the kernel's ticks since boot; 0 where the system does not tell. */
  readonly start: number;
}

const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

export function ownMark(): ProcessMark {
  return { host, pid: process.pid, start: readStat(process.pid)?.start ?? 0 };
}

/**
 * True unless the process has certainly ended: one of another host (a shared volume) or one that may not be looked at
 * counts as living.
 */
export function mayBeAlive(mark: ProcessMark): boolean {
  if (mark.host !== host) return true;
  if (!hasProcess(mark.pid)) return false;
  const stat = readStat(mark.pid);
  if (!stat || mark.start === 0) return true;
  return stat.start === mark.start && !stat.ended;
}

function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** proc(5): after the command in parentheses, field 3 is the state and field 22 the start time. */
function readStat(pid: number): { start: number; ended: boolean } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const start = Number(fields[22 - 3]);
    return Number.isSafeInteger(start) ? { start, ended: fields[0] === 'Z' || fields[0] === 'X' } : null;
  } catch {
    return null;
  }
}
