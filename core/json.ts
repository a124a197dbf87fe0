export type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/**
 * JSON with object keys in code-unit order and no white space, so that equal values give equal text whatever order
 * their keys were written in. Members that are `undefined` are left out, as JSON.stringify does.
 */
export function canonicalJson(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}

const utf8 = new TextEncoder();

/** UTF-8 bytes that the value takes as JSON: the measure of every payload limit. */
export function jsonBytes(value: unknown): number {
  return utf8.encode(JSON.stringify(value) ?? '').byteLength;
}

/** True when `jsonBytes` of the value is more than `limit`. Most values are too small to have to be encoded for it. */
export function jsonExceeds(value: unknown, limit: number): boolean {
  const text = JSON.stringify(value) ?? '';
  // A UTF-16 unit takes one to three bytes.
  if (text.length * 3 <= limit) return false;
  return text.length > limit || utf8.encode(text).byteLength > limit;
}

/** True when a string anywhere in the value holds U+0000, which PostgreSQL's jsonb cannot store. */
export function containsNul(value: unknown): boolean {
  return someText(value, (text) => text.includes('\0'));
}

/** True when a string anywhere in the value holds half of a surrogate pair: many parsers refuse it, and no URL can have it. */
export function containsLoneSurrogate(value: unknown): boolean {
  return someText(value, (text) => !text.isWellFormed());
}

/** True when arrays and objects in the value lie in each other more than `levels` deep. It goes no deeper itself. */
export function isNestedDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isNestedDeeper(member, levels - 1));
}

/** Also of keys. */
function someText(value: unknown, test: (text: string) => boolean): boolean {
  if (typeof value === 'string') return test(value);
  if (Array.isArray(value)) return value.some((item) => someText(item, test));
  if (isObject(value)) return Object.entries(value).some(([key, member]) => test(key) || someText(member, test));
  return false;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
