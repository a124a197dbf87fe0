import { z } from 'zod';

/** Kinds of settings. Their messages never repeat the value: it may be a secret. */
export function text() {
  return z.string({ error: 'must be set' }).trim().min(1, 'must be set');
}

export function matching(pattern: RegExp, what: string) {
  return text().regex(pattern, `must be ${what}`);
}

export function choice<const Options extends readonly [string, ...string[]]>(options: Options) {
  return z.enum(options, { error: `must be ${options.join(' or ')}` });
}

export function boundedInteger(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return text()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** `name=value,name=value`, values percent-encoded; given back decoded. */
export function keyValues() {
  const shape = matching(/^[^=,\s]+=[^,]*(?:,[^=,\s]+=[^,]*)*$/, '`name=value` pairs with commas between');
  return shape.transform((pairs, context): Record<string, string> => {
    try {
      return Object.fromEntries(pairs.split(',').map(decodedPair));
    } catch {
      context.addIssue('must have percent-encoded values');
      return z.NEVER;
    }
  });
}

/** Throws URIError for a value that is not percent-encoded UTF-8. */
function decodedPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1).trim())];
}

/** An http(s) URL without query and credentials, given back without a slash at its end. */
export function httpUrl() {
  return text()
    .refine(isPlainHttpUrl, 'must be an http or https URL without query and credentials')
    .transform((value) => value.replace(/\/+$/, ''));
}

function isPlainHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, search, hash, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && !search && !hash && !username && !password;
}
