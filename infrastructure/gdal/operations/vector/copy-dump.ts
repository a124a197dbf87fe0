import { closeSync, constants, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

const newline = 10;
const backslash = 92;
const tab = 9;
/** What a pipe holds. */
const pipeBytes = 64 * 1024;
const copyStart = ' FROM STDIN;\n';

/** What a dump says of its columns, as PGDUMP writes types, e.g. `INT8`. */
export interface DumpColumn {
  readonly type: string;
}

/** Takes one row: bytes [from, geometryEnd) are the geometry, [geometryEnd, to) a tab and the attributes. */
export type OnRow = (line: Buffer, from: number, geometryEnd: number, to: number) => void;

/**
 * Reads what GDAL's PGDUMP driver writes: statements, then the rows in COPY text format. A newline inside of a text has
 * a backslash before it, which makes it part of the row. Returns the columns' types.
 */
export async function readDump(path: string, onRow: OnRow): Promise<string[]> {
  let head = '';
  let types: string[] | null = null;
  let rest: Buffer = Buffer.alloc(0);
  let ended = false;
  for await (const chunk of pieces(path)) {
    if (ended) continue;
    let block = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    rest = Buffer.alloc(0);
    if (types === null) {
      const start = block.indexOf(copyStart);
      if (start === -1) {
        // Some of it may be the beginning of what is looked for.
        rest = block;
        continue;
      }
      head = block.toString('utf8', 0, start);
      types = columnTypes(head);
      block = block.subarray(start + copyStart.length);
    }
    const { left, isLast } = rows(block, onRow);
    ended = isLast;
    rest = isLast ? Buffer.alloc(0) : Buffer.from(left);
  }
  return types ?? columnTypes(rest.toString('utf8'));
}

/**
 * What comes through the pipe, in one buffer again and again. GDAL writes 4 KiB at a time: what is there is read at
 * once, and only when there is nothing is it waited for in another thread, which takes ten times as long.
 */
async function* pieces(path: string): AsyncGenerator<Buffer> {
  // Waits for the writer to open its end.
  const pipe = await open(path);
  const ready = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.allocUnsafe(pipeBytes);
  try {
    for (let taken = 0; ; taken += 1) {
      // The parent's end must be heard of.
      if (taken % 128 === 127) await setImmediate();
      const length = readReady(ready, buffer) ?? (await pipe.read(buffer, 0, pipeBytes)).bytesRead;
      if (length === 0) return;
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(ready);
    await pipe.close();
  }
}

/** How many bytes were there, 0 at the end; null: none yet. */
function readReady(file: number, buffer: Buffer): number | null {
  try {
    return readSync(file, buffer, 0, buffer.length, null);
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

function rows(block: Buffer, onRow: OnRow): { left: Buffer; isLast: boolean } {
  let from = 0;
  while (from < block.length) {
    const to = lineEnd(block, from);
    if (to === -1) break;
    if (to - from === 2 && block[from] === backslash && block[from + 1] === 46) {
      return { left: block.subarray(block.length), isLast: true };
    }
    const found = block.indexOf(tab, from);
    onRow(block, from, found === -1 || found > to ? to : found, to);
    from = to + 1;
  }
  return { left: block.subarray(from), isLast: false };
}

function lineEnd(block: Buffer, from: number): number {
  for (let at = block.indexOf(newline, from); at !== -1; at = block.indexOf(newline, at + 1)) {
    let slashes = 0;
    while (at - 1 - slashes >= from && block[at - 1 - slashes] === backslash) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}
