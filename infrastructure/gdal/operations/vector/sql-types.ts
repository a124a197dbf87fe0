/** PGDUMP's types, lower case, and ours. Whatever else a dump may say does not get into a statement. */
const known: Readonly<Record<string, string>> = {
  integer: 'integer',
  int8: 'bigint',
  smallint: 'smallint',
  float8: 'double precision',
  real: 'real',
  boolean: 'boolean',
  varchar: 'text',
  text: 'text',
  uuid: 'uuid',
  json: 'json',
  jsonb: 'jsonb',
  date: 'date',
  time: 'time',
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
  timestamp: 'timestamp',
  bytea: 'bytea',
  'boolean[]': 'boolean[]',
  'integer[]': 'integer[]',
  'smallint[]': 'smallint[]',
  'int8[]': 'bigint[]',
  'float8[]': 'double precision[]',
  'real[]': 'real[]',
  'varchar[]': 'text[]',
};

/** The type of a column; every value that OGR writes is also a text. */
export function sqlTypeOf(dumped: string): string {
  const plain = dumped
    .toLowerCase()
    .replace(/\(\d+(?:,\d+)?\)/, '')
    .trim();
  return known[plain] ?? 'text';
}

export const sqlTypes: ReadonlySet<string> = new Set([...Object.values(known), 'numeric']);
