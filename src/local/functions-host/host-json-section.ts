import { parseTimeSpan } from './time-span.ts';

export type Kind = 'text' | 'boolean' | 'count' | 'positive' | 'span' | 'object';
export type Kinds = Readonly<Record<string, Kind>>;

/** Valid entries under the spelling of the table; the host reads keys without regard to case. */
export type Section = ReadonlyMap<string, unknown>;

/** Reads the object at `path`; unknown keys are problems unless `tolerate` takes them. Undefined is an empty section. */
export function readSection(
  value: unknown,
  path: string,
  kinds: Kinds,
  problems: string[],
  tolerate: (key: string) => boolean = () => false,
): Section {
  const section = new Map<string, unknown>();
  if (value === undefined) return section;
  if (!isObject(value)) {
    problems.push(`${path || 'host.json'} must be an object`);
    return section;
  }
  for (const [key, entry] of Object.entries(value)) {
    const name = Object.keys(kinds).find((known) => sameKey(known, key));
    const kind = name && kinds[name];
    const at = path ? `${path}.${name ?? key}` : (name ?? key);
    if (!kind) {
      if (!tolerate(key)) problems.push(`${at} is unknown`);
      continue;
    }
    const problem = problemWith(entry, kind);
    if (problem) problems.push(`${at} ${problem}`);
    else section.set(name, entry);
  }
  return section;
}

export function sameKey(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Milliseconds of a time span, or `fallback`. */
export function spanOf(section: Section, key: string, fallback: number): number {
  const value = section.get(key);
  return typeof value === 'string' ? (parseTimeSpan(value) ?? fallback) : fallback;
}

export function numberOf(section: Section, key: string, fallback: number): number {
  const value = section.get(key);
  return typeof value === 'number' ? value : fallback;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problemWith(value: unknown, kind: Kind): string | null {
  switch (kind) {
    case 'text':
      return typeof value === 'string' ? null : 'must be a text';
    case 'boolean':
      return typeof value === 'boolean' ? null : 'must be true or false';
    case 'count':
      return Number.isInteger(value) && Number(value) >= 0 ? null : 'must be a whole number, 0 or more';
    case 'positive':
      return Number.isInteger(value) && Number(value) > 0 ? null : 'must be a whole number, 1 or more';
    case 'span':
      return typeof value === 'string' && parseTimeSpan(value) !== null ? null : 'must be a time span hh:mm:ss';
    case 'object':
      return isObject(value) ? null : 'must be an object';
  }
}
