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

/** `name=value,name=value`, values percent-encoded. */
export function keyValues() {
  return matching(/^[^=,\s]+=[^,]*(?:,[^=,\s]+=[^,]*)*$/, '`name=value` pairs with commas between').refine(
    (pairs) => !/%(?![0-9A-Fa-f]{2})/.test(pairs),
    'must be percent-encoded',
  );
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
