import { valueType } from './column-types.ts';
import { literal } from './sql-text.ts';
import type { KeyColumn, Table } from './tables.ts';

// An id of several columns has their values with dots between; a value's own dots and percent signs are %2E and %25.

/** The values of an id's columns; null when it cannot be the id of any feature. */
export function parseFeatureId({ key, hasIds }: Table, id: string): string[] | null {
  if (!hasIds) return null;
  const values = key.length === 1 ? [id] : id.split('.').map(unescaped);
  return areKeyValues(key, values) ? values : null;
}

/** Could these be the values of a key? Anything may come back in a cursor. */
export function areKeyValues(key: readonly KeyColumn[], values: readonly string[]): boolean {
  return key.length === values.length && key.every(({ kind }, index) => isKeyValue(kind, values[index] ?? ''));
}

function isKeyValue(kind: string, text: string): boolean {
  if (kind === 'tid') return /^\(\d{1,9},\d{1,5}\)$/.test(text);
  return valueType(kind)?.accepts(text) ?? false;
}

/** SQL for the id as JSON text; null when features have none. */
export function featureIdSql({ key, hasIds }: Table): string | null {
  if (!hasIds) return null;
  const [only] = key;
  if (key.length === 1 && only) return `to_json(t.${only.sql})::text`;
  const parts = key.map(({ sql, kind }) => {
    const text = `t.${sql}::text`;
    return valueType(kind)?.number ? text : `replace(replace(${text}, '%', '%25'), '.', '%2E')`;
  });
  return `to_json(${parts.join(` || ${literal('.')} || `)})::text`;
}

function unescaped(part: string): string {
  return part.replace(/%(2E|25)/gi, (code) => (code.toUpperCase() === '%2E' ? '.' : '%'));
}
