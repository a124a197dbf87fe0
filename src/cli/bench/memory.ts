import { readdir, readFile } from 'node:fs/promises';

/** Samples the resident memory of processes and all their descendants; Linux only (reads /proc). */
export class MemoryProbe {
  readonly #roots: readonly number[];
  readonly #timer: ReturnType<typeof setInterval>;
  #peakBytes = 0;
  #busy = false;

  constructor(roots: readonly number[], everyMs = 50) {
    this.#roots = roots;
    this.#timer = setInterval(() => void this.#sample(), everyMs);
  }

  /** Ends the sampling; the highest sum seen, in MiB. */
  stop(): number {
    clearInterval(this.#timer);
    return Math.round(this.#peakBytes / 1024 / 1024);
  }

  async #sample(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      this.#peakBytes = Math.max(this.#peakBytes, await residentBytes(this.#roots));
    } finally {
      this.#busy = false;
    }
  }
}

async function residentBytes(roots: readonly number[]): Promise<number> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(processes.map(statOf));
  const children = new Map<number, number[]>();
  const resident = new Map<number, number>();
  for (const stat of stats) {
    if (!stat) continue;
    resident.set(stat.pid, stat.bytes);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat.pid]);
  }
  let sum = 0;
  const waiting = [...roots];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    sum += resident.get(pid) ?? 0;
    waiting.push(...(children.get(pid) ?? []));
  }
  return sum;
}

async function statOf(pid: string): Promise<{ pid: number; parent: number; bytes: number } | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; the fields after it do not.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(pid), parent: Number(fields[1]), bytes: Number(fields[21]) * 4096 };
  } catch {
    return null;
  }
}
