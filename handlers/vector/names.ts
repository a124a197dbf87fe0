/** PostgreSQL's longest name, in bytes. */
const longest = 63;

/** Words that SQL keeps for itself (PostgreSQL's "reserved" and "can be function or type"). */
const reservedWords: ReadonlySet<string> = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
  column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
  current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
  from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
  localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
  returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
  unique user using variadic verbose when where window with`.split(/\s+/),
);

/** Columns that a table has of its own, and those of PostgreSQL. */
const takenColumns = ['id', 'geom', 'tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'] as const;

export function isReserved(word: string): boolean {
  return reservedWords.has(word);
}

/**
 * Names for columns: lower case, `[a-z0-9_]` with accents taken off, at most 63 bytes, none a reserved word, none twice.
 * A name that has nothing left is `column_n`.
 */
export function columnNames(given: readonly string[]): string[] {
  const taken = new Set<string>(takenColumns);
  return given.map((name, index) => {
    const unique = freeName(cleaned(name) || `column_${index + 1}`, taken);
    taken.add(unique);
    return unique;
  });
}

/** A table's name from a file's: `Roads 2024.gpkg` is `roads_2024`. */
export function tableNameOf(blobName: string): string {
  const stem = (blobName.split('/').at(-1) ?? '').replace(/(?:\.[^.]*)?$/, '');
  const name = cleaned(stem);
  return /^[a-z]/.test(name) ? name : `t_${name.replace(/^_/, '')}`.slice(0, longest);
}

function cleaned(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '_')
    .slice(0, longest);
  if (/^_*$/.test(plain)) return '';
  if (/^\d/.test(plain)) return `_${plain}`.slice(0, longest);
  return isReserved(plain) ? `${plain}_` : plain;
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let number = 2; ; number += 1) {
    const ending = `_${number}`;
    const candidate = name.slice(0, longest - ending.length) + ending;
    if (!taken.has(candidate)) return candidate;
  }
}
