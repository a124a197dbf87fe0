import { isUtf8 } from 'node:buffer';
import type { ChunkWriter } from './chunk-writer.ts';

const tab = 9;
const windows1252 = new TextDecoder('windows-1252');

/**
 * Writes what stands behind a row's geometry: fields with tabs before them. GDAL passes on the bytes of a DBF that does
 * not say its encoding (no .cpg, no language in its head): what is not UTF-8 is taken for Windows-1252, of which
 * Latin-1 is a part, field by field, for a long text may have been cut within a letter.
 */
export function writeAttributes(writer: ChunkWriter, line: Buffer, from: number, to: number): void {
  if (isUtf8(line.subarray(from, to))) {
    writer.bytes(line, from, to);
    return;
  }
  for (let start = from; start < to; ) {
    const next = line.indexOf(tab, start + 1);
    const end = next === -1 || next > to ? to : next;
    const field = line.subarray(start, end);
    if (isUtf8(field)) writer.bytes(line, start, end);
    else writer.text(windows1252.decode(field));
    start = end;
  }
}
