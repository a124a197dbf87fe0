import { readdirSync, readFileSync } from 'node:fs';

/** The processes are looked for at every so many samples: going through all of /proc each time takes a tenth of a core. */
const samplesPerSearch = 10;

/**
 * Samples the resident memory of processes and all their descendants; Linux only (reads /proc). Pages of files count
 * once, as those of the process that has most of them: they are the same programs and libraries.
 */
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
    const memory = this.#family.map(memoryOf);
    const own = memory.reduce((sum, one) => sum + one.own, 0);
    this.#peakBytes = Math.max(this.#peakBytes, own + Math.max(...memory.map(({ ofFiles }) => ofFiles)));
  }
}

function withDescendants(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const parent = parentOf(pid);
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
function parentOf(pid: string): number | undefined {
  const text = read(`/proc/${pid}/stat`);
  // The name in parentheses may hold anything; the fields after it do not.
  return text === null ? undefined : Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}

/** In bytes; nothing for a process that has ended. */
function memoryOf(pid: number): { readonly own: number; readonly ofFiles: number } {
  const pages = (read(`/proc/${pid}/statm`) ?? '0 0 0').split(' ').map(Number);
  const [, resident = 0, ofFiles = 0] = pages.map((count) => count * 4096);
  return { own: resident - ofFiles, ofFiles };
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
