import { extensionOf } from './filter.ts';
import { inMb } from './sizes.ts';

export interface CountedFile {
  readonly name: string;
  readonly sizeBytes: number;
}

interface KindCount {
  readonly count: number;
  readonly bytes: number;
}

/** More kinds than this are counted together, so that a tally stays small whatever the names are. */
const mostKinds = 1000;
/** What the tally calls names without an extension, and those over `mostKinds`. */
const noExtension = 'no_extension';
const otherExtensions = 'other_extensions';

/** Counts and sizes of files, one at a time; its size does not grow with their number. */
export class FileTally {
  count = 0;
  bytes = 0;
  #largest: CountedFile | null = null;
  #smallest: CountedFile | null = null;
  readonly #kinds = new Map<string, KindCount>();

  add(file: CountedFile): void {
    this.count += 1;
    this.bytes += file.sizeBytes;
    const { name, sizeBytes } = file;
    if (!this.#largest || sizeBytes > this.#largest.sizeBytes) this.#largest = { name, sizeBytes };
    if (!this.#smallest || sizeBytes < this.#smallest.sizeBytes) this.#smallest = { name, sizeBytes };
    const kind = this.#kindOf(name);
    const known = this.#kinds.get(kind) ?? { count: 0, bytes: 0 };
    this.#kinds.set(kind, { count: known.count + 1, bytes: known.bytes + sizeBytes });
  }

  get largestFile() {
    return named(this.#largest);
  }

  get smallestFile() {
    return named(this.#smallest);
  }

  get uniqueExtensions(): number {
    return this.#kinds.size;
  }

  /** The commonest first. */
  byExtension<T>(describe: (kind: KindCount) => T): Record<string, T> {
    const kinds = [...this.#kinds].sort(([a, { count: m }], [b, { count: n }]) => n - m || (a < b ? -1 : 1));
    return Object.fromEntries(kinds.map(([kind, counted]) => [kind, describe(counted)]));
  }

  #kindOf(name: string): string {
    const kind = extensionOf(name) || noExtension;
    return this.#kinds.has(kind) || this.#kinds.size < mostKinds ? kind : otherExtensions;
  }
}

function named(file: CountedFile | null): { readonly name: string; readonly size_mb: number } | null {
  return file && { name: file.name, size_mb: inMb(file.sizeBytes) };
}
