import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export type AuthLevel = 'anonymous' | 'function' | 'admin';

export interface FunctionKeys {
  /** Open every function of level `function`; Azure calls them host keys. */
  readonly function: readonly string[];
  /** Open everything; Azure has one, the master key. */
  readonly admin: readonly string[];
  /** By function name; open that function of level `function` only. */
  readonly perFunction?: Readonly<Record<string, readonly string[]>>;
}

/** The presented key: the header when there is one, even an empty one, else the `code` of the query. */
export function presentedKey(headers: IncomingHttpHeaders, query: URLSearchParams): string | null {
  const header = headers['x-functions-key'];
  if (header !== undefined) return Array.isArray(header) ? (header[0] ?? null) : header;
  return query.get('code');
}

/** `keys` null: keys are not checked, as when Core Tools runs an app locally. */
export function isAuthorized(
  level: AuthLevel,
  functionName: string,
  key: string | null,
  keys: FunctionKeys | null,
): boolean {
  if (level === 'anonymous' || keys === null) return true;
  if (!key) return false;
  const accepted = [...keys.admin];
  if (level === 'function') accepted.push(...keys.function, ...(keys.perFunction?.[functionName] ?? []));
  const presented = digest(key);
  // Every candidate is compared, in constant time, so that the time taken tells nothing about any of them.
  return accepted.reduce((found, candidate) => timingSafeEqual(digest(candidate), presented) || found, false);
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
