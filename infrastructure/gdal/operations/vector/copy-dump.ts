import { closeSync, constants, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

const newline = 10;
const backslash = 92;
const tab = 9;
/** What a pipe holds. */
const pipeBytes = 64 * 1024;
/** In which GDAL fills half of it or more, where it is quick. */
const pauseMs = 0.3;
const never = new Int32Array(new SharedArrayBuffer(4));
const copyStart = ' FROM STDIN;\n';

/** What a dump says of its columns, as PGDUMP writes types, e.g. `INT8`. */
export interface DumpColumn {
  readonly type: string;
}

/** Takes one row: bytes [from, geometryEnd) are the geometry, [geometryEnd, to) a tab and the attributes. */
export type OnRow = (line: Buffer, from: number, geometryEnd: number, to: number) => void;

/**
 * Reads what GDAL's PGDUMP driver writes: statements, then the rows in COPY text format. A newline inside of a text has
 * a backslash before it, which makes it part of the row. `begin` is told the columns' types, which are also returned.
 */
export async function readDump(path: string, begin: (types: readonly string[]) => OnRow): Promise<string[]> {
  let types: string[] | null = null;
  let onRow: OnRow = () => {};
  let ended = false;
  const left = await readPipe(path, (block) => {
    if (ended) return block.length;
    let from = 0;
    if (types === null) {
      const start = block.indexOf(copyStart);
      // Some of it may be the beginning of what is looked for.
      if (start === -1) return 0;
      types = columnTypes(block.toString('utf8', 0, start));
      onRow = begin(types);
      from = start + copyStart.length;
    }
    const taken = rows(block, from, onRow);
    ended = taken.isLast;
    return ended ? block.length : taken.to;
  });
  return types ?? columnTypes(left.toString('utf8'));
}

/** Takes some of the bytes there are, from the first one on; how many. */
type Take = (block: Buffer) => number;

/**
 * What comes through the pipe, in one buffer again and again, which grows with the longest row; the rest that was not
 * taken. GDAL writes 4 KiB at a time, and whoever reads as fast as that does little else: a pause lets more come. When
 * there is nothing after it, it is waited for in another thread.
 */
async function readPipe(path: string, take: Take): Promise<Buffer> {
  // Waits for the writer to open its end.
  const pipe = await open(path);
  const ready = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let buffer = Buffer.allocUnsafe(2 * pipeBytes);
  let [used, length] = [0, 0];
  try {
    for (let reads = 1; ; reads += 1) {
      // The parent's end must be heard of.
      if (reads % 128 === 0) await setImmediate();
      if (length < pipeBytes / 2) Atomics.wait(never, 0, 0, pauseMs);
      if (buffer.length - used < pipeBytes) buffer = grown(buffer, used);
      length = readReady(ready, buffer, used) ?? (await pipe.read(buffer, used, pipeBytes)).bytesRead;
      if (length === 0) return buffer.subarray(0, used);
      used += length;
      const taken = take(buffer.subarray(0, used));
      buffer.copyWithin(0, taken, used);
      used -= taken;
    }
  } finally {
    closeSync(ready);
    await pipe.close();
  }
}

function grown(buffer: Buffer, used: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(2 * buffer.length);
  buffer.copy(larger, 0, 0, used);
  return larger;
}

/** How many bytes were there, 0 at the end; null: none yet. */
function readReady(file: number, buffer: Buffer, at: number): number | null {
  try {
    return readSync(file, buffer, at, pipeBytes, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return null;
    throw error;
  }
}

/** The statements hold names of the file between quotes, so only what stands after a closing quote counts. */
function columnTypes(head: string): string[] {
  return [...head.matchAll(/^ALTER TABLE "[^"]*"\."[^"]*" ADD COLUMN "(?:[^"]|"")*" ([^;\n]*);$/gm)].map(
    (match) => match[1] ?? '',
  );
}

function rows(block: Buffer, start: number, onRow: OnRow): { to: number; isLast: boolean } {
  let from = start;
  while (from < block.length) {
    const to = lineEnd(block, from);
    if (to === -1) break;
    if (to - from === 2 && block[from] === backslash && block[from + 1] === 46) return { to, isLast: true };
    const found = block.indexOf(tab, from);
    onRow(block, from, found === -1 || found > to ? to : found, to);
    from = to + 1;
  }
  return { to: from, isLast: false };
}

function lineEnd(block: Buffer, from: number): number {
  for (let at = block.indexOf(newline, from); at !== -1; at = block.indexOf(newline, at + 1)) {
    let slashes = 0;
    while (at - 1 - slashes >= from && block[at - 1 - slashes] === backslash) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}
