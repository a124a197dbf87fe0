import { createReadStream } from 'node:fs';

const newline = 10;
const backslash = 92;
const tab = 9;
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
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    if (ended) continue;
    let block = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer);
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
