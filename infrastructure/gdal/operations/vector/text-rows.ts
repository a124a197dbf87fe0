import { isUtf8 } from 'node:buffer';
import type { ChunkWriter } from './chunk-writer.ts';

const tab = 9;
const newline = 10;
const windows1252 = new TextDecoder('windows-1252');

/** A format of rows: number, geometry, attributes. */
export interface Rows {
  /** A row, up to its geometry: a little-endian EWKB, `start` in hex and then [from, to) of `bytes`. */
  begin(start: string, bytes: Buffer, from: number, to: number): void;
  /** The row's attributes and its end: [from, to) of a row in COPY text format, each field with a tab before it. */
  end(line: Buffer, from: number, to: number): void;
}

/** Rows in PostgreSQL's COPY text format. */
export class TextRows implements Rows {
  readonly #writer: ChunkWriter;

  constructor(writer: ChunkWriter) {
    this.#writer = writer;
  }

  begin(start: string, bytes: Buffer, from: number, to: number): void {
    const number = this.#writer.begin();
    this.#writer.text(`${number}\t${start}${bytes.toString('hex', from, to)}`);
  }

  end(line: Buffer, from: number, to: number): void {
    if (areUtf8(line, from, to)) this.#writer.bytes(line, from, to);
    else for (const field of fieldsAsUtf8(line, from, to)) this.#writer.bytes(field, 0);
    this.#writer.byte(newline);
  }

  /** The same of attributes that are a text, with a tab before each. */
  endText(attributes: string): void {
    this.#writer.text(attributes);
    this.#writer.byte(newline);
  }
}

/** Most are plain letters, which takes less to see than a view of them takes to make. */
export function areUtf8(line: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if ((line[at] ?? 0) > 127) return isUtf8(line.subarray(at, to));
  return true;
}

/**
 * GDAL passes on the bytes of a DBF that does not say its encoding (no .cpg, no language in its head): what is not UTF-8
 * is taken for Windows-1252, of which Latin-1 is a part, field by field, for a long text may have been cut within a
 * letter. The fields with their tabs.
 */
export function fieldsAsUtf8(line: Buffer, from: number, to: number): Buffer[] {
  const fields: Buffer[] = [];
  for (let start = from; start < to; ) {
    const next = line.indexOf(tab, start + 1);
    const end = next === -1 || next > to ? to : next;
    const field = line.subarray(start, end);
    fields.push(isUtf8(field) ? field : Buffer.from(windows1252.decode(field)));
    start = end;
  }
  return fields;
}
