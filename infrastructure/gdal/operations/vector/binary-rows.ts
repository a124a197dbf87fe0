import type { ChunkWriter } from './chunk-writer.ts';
import { VectorProblem } from './problem.ts';
import { areUtf8, fieldsAsUtf8, type Rows } from './text-rows.ts';

const tab = 9;
const backslash = 92;
const minus = 45;
const zero = 48;
const capitalN = 78;

/** Writes [from, to) of a row in COPY text format, which is not null, as PostgreSQL receives the type. */
type Field = (writer: ChunkWriter, line: Buffer, from: number, to: number) => void;

/** What is as simple in both formats; a layer with a column of another type is written as text. */
const fields: Readonly<Record<string, Field>> = {
  integer(writer, line, from, to) {
    writer.int32(4);
    writer.int32(integerOf(writer, line, from, to));
  },
  bigint(writer, line, from, to) {
    writer.int32(8);
    writer.int64(BigInt(line.toString('latin1', from, to)));
  },
  'double precision'(writer, line, from, to) {
    writer.int32(8);
    writer.float64(doubleOf(writer, line.toString('latin1', from, to)));
  },
  boolean(writer, line, from) {
    const letter = String.fromCharCode(line[from] ?? 0);
    if (!'tf10'.includes(letter)) throw unreadable(writer, letter);
    writer.int32(1);
    writer.byte('t1'.includes(letter) ? 1 : 0);
  },
  text: writeText,
  json: writeText,
};

/** null: one of the types has no form here. */
export function binaryFields(types: readonly string[]): readonly Field[] | null {
  const found = types.flatMap((type) => fields[type] ?? []);
  return found.length === types.length ? found : null;
}

/** Rows in PostgreSQL's binary COPY format: geometries take half of the bytes, and numbers are not read twice. */
export class BinaryRows implements Rows {
  readonly #writer: ChunkWriter;
  readonly #fields: readonly Field[];
  readonly #starts = new Map<string, Buffer>();

  constructor(writer: ChunkWriter, columns: readonly Field[]) {
    this.#writer = writer;
    this.#fields = columns;
  }

  begin(start: string, bytes: Buffer, from: number, to: number): void {
    const writer = this.#writer;
    const number = writer.begin();
    writer.int16(2 + this.#fields.length);
    writer.int32(8);
    writer.int32(Math.floor(number / 2 ** 32));
    writer.int32(number | 0);
    writer.int32(start.length / 2 + to - from);
    writer.bytes(this.#startOf(start), 0);
    writer.bytes(bytes, from, to);
  }

  end(line: Buffer, from: number, to: number): void {
    if (areUtf8(line, from, to)) this.#attributes(line, from, to);
    else {
      const whole = Buffer.concat(fieldsAsUtf8(line, from, to));
      this.#attributes(whole, 0, whole.length);
    }
  }

  #attributes(line: Buffer, from: number, to: number): void {
    let at = from;
    for (const write of this.#fields) {
      const start = at + 1;
      // A tab with a backslash before it is part of a text.
      for (at = start; at < to && line[at] !== tab; ) at += line[at] === backslash ? 2 : 1;
      if (start > to) throw new Error('a row of the dump has too few fields');
      if (at - start === 2 && line[start] === backslash && line[start + 1] === capitalN) this.#writer.int32(-1);
      else write(this.#writer, line, start, at);
    }
    if (at !== to) throw new Error('a row of the dump has too many fields');
  }

  /** Few different ones come again and again. */
  #startOf(digits: string): Buffer {
    const known = this.#starts.get(digits);
    if (known) return known;
    const bytes = Buffer.from(digits, 'hex');
    this.#starts.set(digits, bytes);
    return bytes;
  }
}

function integerOf(writer: ChunkWriter, line: Buffer, from: number, to: number): number {
  const negative = line[from] === minus;
  let value = 0;
  for (let at = negative ? from + 1 : from; at < to; at += 1) {
    const digit = (line[at] ?? 0) - zero;
    if (digit < 0 || digit > 9) throw unreadable(writer, line.toString('latin1', from, to));
    value = value * 10 + digit;
  }
  if (negative) value = -value;
  if (value !== (value | 0)) throw unreadable(writer, line.toString('latin1', from, to));
  return value;
}

function doubleOf(writer: ChunkWriter, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && text !== '') return value;
  const [, sign, word] = /^(-?)(nan|inf)/i.exec(text) ?? [];
  if (word === undefined) throw unreadable(writer, text);
  if (word.toLowerCase() === 'nan') return Number.NaN;
  return sign === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function writeText(writer: ChunkWriter, line: Buffer, from: number, to: number): void {
  if (!isEscaped(line, from, to)) {
    writer.int32(to - from);
    writer.bytes(line, from, to);
    return;
  }
  const text = unescaped(line, from, to);
  writer.int32(text.length);
  writer.bytes(text, 0);
}

function isEscaped(line: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (line[at] === backslash) return true;
  return false;
}

const controls: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unescaped(line: Buffer, from: number, to: number): Buffer {
  const text = Buffer.allocUnsafe(to - from);
  let length = 0;
  for (let at = from; at < to; at += 1) {
    let letter = line[at] ?? 0;
    if (letter === backslash) {
      at += 1;
      letter = line[at] ?? backslash;
      letter = controls[String.fromCharCode(letter)]?.charCodeAt(0) ?? letter;
    }
    text[length++] = letter;
  }
  return text.subarray(0, length);
}

function unreadable({ rows }: ChunkWriter, value: string): VectorProblem {
  const text = JSON.stringify(value.slice(0, 60));
  return new VectorProblem('INVALID_ROWS', `row ${rows} has a value that does not fit its column: ${text}`);
}
