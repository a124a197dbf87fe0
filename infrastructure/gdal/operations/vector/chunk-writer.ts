import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { packedBlock } from '../../../rows/blocks.ts';

/** An automatic chunk ends here: what one COPY takes in a second or so. */
const chunkBytes = 8 * 1024 * 1024;
const automaticRows = 20_000;
const bufferBytes = 1024 * 1024;
const newline = 10;
const tab = 9;

/**
 * Rows in PostgreSQL's COPY text format, `row number, geometry, attributes`, cut into files of packed blocks
 * `00000.copy.zst`, `00001.copy.zst`, … Row numbers go on through the files.
 */
export class ChunkWriter {
  readonly #folder: string;
  readonly #rows: number | null;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #used = 0;
  #file = -1;
  #rowsInFile = 0;
  #bytesInFile = 0;
  #number = 0;
  chunks = 0;
  rows = 0;

  constructor(folder: string, rows: number | null) {
    this.#folder = folder;
    this.#rows = rows;
  }

  /** Begins the next row. */
  begin(): void {
    if (this.#file === -1 || this.#isFull()) this.#next();
    this.#number += 1;
    this.rows += 1;
    this.#rowsInFile += 1;
    this.text(String(this.#number));
    this.#byte(tab);
  }

  end(): void {
    this.#byte(newline);
  }

  text(value: string): void {
    if (value.length * 3 > bufferBytes) {
      this.bytes(Buffer.from(value), 0);
      return;
    }
    if (this.#used + value.length * 3 > bufferBytes) this.#flush();
    this.#used +=
      value.length < 24 && isAscii(value) ? this.#ascii(value) : this.#buffer.write(value, this.#used, 'utf8');
  }

  bytes(source: Buffer, from: number, to: number = source.length): void {
    if (to - from > bufferBytes - this.#used) this.#flush();
    if (to - from > bufferBytes) {
      this.#bytesInFile += to - from;
      writeBlock(this.#file, source.subarray(from, to));
    } else this.#used += source.copy(this.#buffer, this.#used, from, to);
  }

  close(): void {
    if (this.#file === -1) return;
    this.#flush();
    closeSync(this.#file);
    this.#file = -1;
  }

  #isFull(): boolean {
    if (this.#rows !== null) return this.#rowsInFile >= this.#rows;
    return this.#rowsInFile >= automaticRows || this.#bytesInFile + this.#used >= chunkBytes;
  }

  #next(): void {
    this.close();
    this.#file = openSync(join(this.#folder, chunkName(this.chunks)), 'wx');
    this.chunks += 1;
    this.#rowsInFile = 0;
    this.#bytesInFile = 0;
  }

  #ascii(value: string): number {
    for (let index = 0; index < value.length; index += 1) this.#buffer[this.#used + index] = value.charCodeAt(index);
    return value.length;
  }

  #byte(value: number): void {
    if (this.#used === bufferBytes) this.#flush();
    this.#buffer[this.#used++] = value;
  }

  #flush(): void {
    if (this.#used === 0) return;
    writeBlock(this.#file, this.#buffer.subarray(0, this.#used));
    this.#bytesInFile += this.#used;
    this.#used = 0;
  }
}

export function chunkName(number: number): string {
  return `${String(number).padStart(5, '0')}.copy.zst`;
}

function isAscii(value: string): boolean {
  for (let index = 0; index < value.length; index += 1) if (value.charCodeAt(index) > 127) return false;
  return true;
}

function writeBlock(file: number, rows: Uint8Array): void {
  const bytes = packedBlock(rows);
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}
