import { readdirSync, readFileSync } from 'node:fs';

/** The processes are looked for at every so many samples: going through all of /proc each time takes a tenth of a core. */
const samplesPerSearch = 10;

/** Samples the resident memory of processes and all their descendants; Linux only (reads /proc). */
export class MemoryProbe {
  readonly #roots: readonly number[];
  readonly #timer: ReturnType<typeof setInterval>;
  #family: readonly number[] = [];
  #samples = 0;
  #peakBytes = 0;

  constructor(roots: readonly number[], everyMs = 50) {
    this.#roots = roots;
    this.#timer = setInterval(() => this.#sample(), everyMs);
  }

  /** Ends the sampling; the highest sum seen, in MiB. */
  stop(): number {
    clearInterval(this.#timer);
    return Math.round(this.#peakBytes / 1024 / 1024);
  }

  #sample(): void {
    if (this.#samples % samplesPerSearch === 0) this.#family = withDescendants(this.#roots);
    this.#samples += 1;
    const bytes = this.#family.reduce((sum, pid) => sum + (statOf(pid)?.bytes ?? 0), 0);
    this.#peakBytes = Math.max(this.#peakBytes, bytes);
  }
}

function withDescendants(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const parent = statOf(Number(pid))?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(pid)]);
  }
  const family: number[] = [];
  const waiting = [...roots];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    family.push(pid);
    waiting.push(...(children.get(pid) ?? []));
  }
  return family;
}

/** Undefined when the process has ended. */
function statOf(pid: number): { parent: number; bytes: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; the fields after it do not.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), bytes: Number(fields[21]) * 4096 };
  } catch {
    return undefined;
  }
}
