import { z } from 'zod';

/** A type whose values can be given as text in a request. */
export interface ValueType {
  /** What the text is cast to. */
  readonly cast: string;
  /** In words, for the message about a value that is none. */
  readonly meaning: string;
  readonly accepts: (text: string) => boolean;
  /** Can be part of a feature's id: its text says exactly which value it is. */
  readonly key: boolean;
  /** JSON has it as a number. */
  readonly number?: boolean;
}

const decimal = /^[+-]?(?:\d{1,100}(?:\.\d{0,100})?|\.\d{1,100})(?:[eE][+-]?\d{1,3})?$/;
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

const time = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);
const isText = (text: string) => !text.includes('\0');

const known: Readonly<Record<string, ValueType>> = {
  int2: integer('int2', 2n ** 15n),
  int4: integer('int4', 2n ** 31n),
  int8: integer('int8', 2n ** 63n),
  numeric: { cast: 'numeric', meaning: 'a number', accepts: (text) => decimal.test(text), key: true },
  float4: floating('float4', Math.fround),
  float8: floating('float8', Number),
  text: textual('text'),
  varchar: textual('text'),
  bpchar: textual('bpchar'),
  uuid: { cast: 'uuid', meaning: 'a UUID', accepts: (text) => uuid.test(text), key: true },
  bool: { cast: 'bool', meaning: 'true or false', accepts: (text) => /^(?:true|false)$/.test(text), key: false },
  date: { cast: 'date', meaning: 'a date', accepts: (text) => z.iso.date().safeParse(text).success, key: true },
  timestamp: instant('timestamp'),
  timestamptz: instant('timestamptz'),
};

/** Types of time columns. */
export const timeKinds: ReadonlySet<string> = new Set(['date', 'timestamp', 'timestamptz']);

/** What there is to know of a type by its name in pg_type; null when its values cannot be given in a request. */
export function valueType(kind: string, isEnum = false): ValueType | null {
  if (isEnum) return { ...textual('text'), key: false };
  return Object.hasOwn(known, kind) ? (known[kind] ?? null) : null;
}

function integer(cast: string, limit: bigint): ValueType {
  const accepts = (text: string) =>
    /^[+-]?\d{1,19}$/.test(text) && BigInt(text.replace('+', '')) < limit && BigInt(text.replace('+', '')) >= -limit;
  return { cast, meaning: `a whole number of at most ${limit - 1n}`, accepts, key: true, number: true };
}

function floating(cast: string, rounded: (value: number) => number): ValueType {
  const accepts = (text: string) => {
    const value = rounded(Number(text));
    // PostgreSQL refuses what overflows, and what is rounded to zero.
    return decimal.test(text) && Number.isFinite(value) && (value !== 0 || !/[1-9]/.test(text.split(/e/i)[0] ?? ''));
  };
  return { cast, meaning: 'a number', accepts, key: false };
}

function textual(cast: string): ValueType {
  return { cast, meaning: 'a text without NUL', accepts: isText, key: true };
}

function instant(cast: string): ValueType {
  return { cast, meaning: 'a date or time of RFC 3339', accepts: (text) => time.safeParse(text).success, key: false };
}
