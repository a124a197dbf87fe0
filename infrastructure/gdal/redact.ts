import { basename } from 'node:path';
import { withoutSecrets } from '../../core/secrets.ts';

/** Shorter values are words like YES or http; hiding those would only spoil the text. */
const shortestSecret = 6;

/**
 * The text without any value of these options, whole or in parts (the fields of a connection string, of a shared
 * access signature), as it is and percent-encoded; and without what looks like a credential of any other origin.
 */
export function redact(text: string, config: Readonly<Record<string, string>>): string {
  const secrets = Object.values(config).flatMap(parts).flatMap(spellings);
  const longestFirst = [...new Set(secrets)].sort((a, b) => b.length - a.length);
  return withoutSecrets(longestFirst.reduce((clean, secret) => clean.replaceAll(secret, '***'), text));
}

/** The text with these files' names in place of their paths: folders of this machine are nobody's business. */
export function withoutFolders(text: string, paths: readonly string[]): string {
  const local = paths.filter((path) => path.startsWith('/') && !path.startsWith('/vsi'));
  return local.reduce((clean, path) => clean.replaceAll(path, basename(path)), text);
}

function parts(value: string): readonly string[] {
  const fields = value.split(/[;&?]/).map((field) => field.slice(field.indexOf('=') + 1));
  return [value, ...fields].filter((part) => part.length >= shortestSecret);
}

function spellings(secret: string): readonly string[] {
  return [secret, encodeURIComponent(secret), safeDecode(secret)];
}

function safeDecode(secret: string): string {
  try {
    return decodeURIComponent(secret);
  } catch {
    return secret;
  }
}
