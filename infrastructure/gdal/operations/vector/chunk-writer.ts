import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { packedBlock } from '../../../rows/blocks.ts';

/** An automatic chunk ends here: what one COPY takes in a second or so. */
const chunkBytes = 8 * 1024 * 1024;
const automaticRows = 20_000;
const bufferBytes = 1024 * 1024;

/** What stands before and behind the rows of each file. */
interface Frame {
  readonly head: Buffer;
  readonly tail: Buffer;
}

const noFrame: Frame = { head: Buffer.alloc(0), tail: Buffer.alloc(0) };

/** Bytes of rows, cut between rows into files of packed blocks `00000.copy.zst`, `00001.copy.zst`, … */
export class ChunkWriter {
  readonly #folder: string;
  readonly #rows: number | null;
  readonly #frame: Frame;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #used = 0;
  #file = -1;
  #rowsInFile = 0;
  #bytesInFile = 0;
  chunks = 0;
  rows = 0;

  constructor(folder: string, rows: number | null, frame: Frame = noFrame) {
    this.#folder = folder;
    this.#rows = rows;
    this.#frame = frame;
  }

  /** Begins the next row; its number, from 1, which goes on through the files. */
  begin(): number {
    if (this.#file === -1 || this.#isFull()) this.#next();
    this.rows += 1;
    this.#rowsInFile += 1;
    return this.rows;
  }

  text(value: string): void {
    if (value.length * 3 > bufferBytes) {
      this.bytes(Buffer.from(value), 0);
      return;
    }
    this.#makeRoom(value.length * 3);
    this.#used +=
      value.length < 24 && isAscii(value) ? this.#ascii(value) : this.#buffer.write(value, this.#used, 'utf8');
  }

  bytes(source: Buffer, from: number, to: number = source.length): void {
    this.#makeRoom(to - from);
    if (to - from > bufferBytes) {
      this.#bytesInFile += to - from;
      writeBlock(this.#file, source.subarray(from, to));
    } else this.#used += source.copy(this.#buffer, this.#used, from, to);
  }

  byte(value: number): void {
    this.#makeRoom(1);
    this.#buffer[this.#used++] = value;
  }

  int16(value: number): void {
    this.#makeRoom(2);
    this.#used = this.#buffer.writeInt16BE(value, this.#used);
  }

  int32(value: number): void {
    this.#makeRoom(4);
    this.#used = this.#buffer.writeInt32BE(value, this.#used);
  }

  int64(value: bigint): void {
    this.#makeRoom(8);
    this.#used = this.#buffer.writeBigInt64BE(value, this.#used);
  }

  float64(value: number): void {
    this.#makeRoom(8);
    this.#used = this.#buffer.writeDoubleBE(value, this.#used);
  }

  close(): void {
    if (this.#file === -1) return;
    this.bytes(this.#frame.tail, 0);
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
    this.bytes(this.#frame.head, 0);
  }

  #ascii(value: string): number {
    for (let index = 0; index < value.length; index += 1) this.#buffer[this.#used + index] = value.charCodeAt(index);
    return value.length;
  }

  #makeRoom(bytes: number): void {
    if (bytes > bufferBytes - this.#used) this.#flush();
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
