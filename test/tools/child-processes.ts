import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFacts {
  readonly pid: number;
  readonly commandLine: string;
}

/** Living child processes of a process (this one by default) whose command line contains `part`. Linux only. */
export function childProcesses(part: string, parent = process.pid): readonly ProcessFacts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(name), commandLine: textOf(`/proc/${name}/cmdline`) }))
    .filter((found) => found.parent === parent && found.commandLine.includes(part));
}

/** False for zombies too. */
export function isRunning(pid: number): boolean {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat !== '' && !/^\d+ \(.*\) [ZX] /.test(stat);
}

export function environmentOf(pid: number): string {
  return textOf(`/proc/${pid}/environ`);
}

/** proc(5): the parent is the second field after the command in parentheses. */
function parentOf(pid: string): number | null {
  const stat = textOf(`/proc/${pid}/stat`);
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || parent === undefined ? null : Number(parent);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
