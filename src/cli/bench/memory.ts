import { readdir, readFile } from 'node:fs/promises';

/**
 * Samples the resident memory of processes and all their descendants; Linux only (reads /proc). Pages of files count
 * once, as those of the process that has most of them: they are the same programs and libraries.
 */
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
  for (const stat of stats) {
    if (!stat) continue;
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat.pid]);
  }
  let own = 0;
  let ofFiles = 0;
  const waiting = [...roots];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    const memory = await memoryOf(pid);
    own += memory.own;
    ofFiles = Math.max(ofFiles, memory.ofFiles);
    waiting.push(...(children.get(pid) ?? []));
  }
  return own + ofFiles;
}

async function statOf(pid: string): Promise<{ pid: number; parent: number } | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; the fields after it do not.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(pid), parent: Number(fields[1]) };
  } catch {
    return null;
  }
}

/** Nothing for a process that has ended. */
async function memoryOf(pid: number): Promise<{ own: number; ofFiles: number }> {
  const text = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '0 0 0');
  const [, resident = 0, ofFiles = 0] = text.split(' ').map((pages) => Number(pages) * 4096);
  return { own: resident - ofFiles, ofFiles };
}
