import type { Query } from '../postgres/database.ts';
import { query } from '../postgres/sql-files.ts';
import { timeKinds, valueType } from './column-types.ts';

const tablesSql = query('features_tables');

export interface Column {
  readonly name: string;
  /** As PostgreSQL writes it, e.g. `geometry(MultiPolygon,4326)`. */
  readonly type: string;
  /** Its name in pg_type. */
  readonly kind: string;
  readonly enum: boolean;
  readonly notNull: boolean;
}

/** A column that pages go by. */
export interface KeyColumn {
  /** As SQL: quoted, or `ctid`. */
  readonly sql: string;
  readonly name: string;
  readonly kind: string;
}

export interface GeometryColumn {
  readonly name: string;
  readonly type: string;
  readonly srid: number;
  readonly notNull: boolean;
  /** It has a GiST index over all rows, and none over some. */
  readonly indexed: boolean;
}

/** What the catalogue says of a table or view that can be a collection. */
export interface Table {
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  /** Another one after the table was replaced. */
  readonly oid: string;
  readonly description: string | null;
  /** False for a view or foreign table. */
  readonly stored: boolean;
  /** Without geometries. */
  readonly columns: readonly Column[];
  readonly geometry: GeometryColumn;
  readonly key: readonly KeyColumn[];
  /** False: rows are told apart by where they lie, which is no id. */
  readonly hasIds: boolean;
  readonly time: { readonly column: Column; readonly indexed: boolean } | null;
}

export interface TableRow {
  readonly schema: string;
  readonly table: string;
  readonly oid: string;
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f';
  readonly description: string | null;
  readonly columns: readonly (Column | null)[];
  readonly indexes: readonly Index[];
}

interface Index {
  /** From 1; 0 is an expression. */
  readonly columns: readonly number[];
  readonly primary: boolean;
  readonly unique: boolean;
  readonly method: string;
  readonly partial: boolean;
}

export interface Naming {
  /** Schemas that are served; for a name that several have, the first counts. */
  readonly schemas: readonly string[];
  readonly style: 'table' | 'schema.table';
}

/** Every collection, by id. */
export async function listTables(run: Query, naming: Naming): Promise<Table[]> {
  return named(await run<TableRow>(tablesSql, [naming.schemas, null]), naming);
}

/** The collection of an id; `schema.table` is understood in both styles. */
export async function findTable(run: Query, naming: Naming, id: string): Promise<Table | null> {
  if (id.includes('\0')) return null;
  const afterSchema = id.slice(id.indexOf('.') + 1);
  const tables = named(await run<TableRow>(tablesSql, [naming.schemas, [id, afterSchema]]), naming);
  return (
    tables.find((table) => `${table.schema}.${table.name}` === id) ?? tables.find((table) => table.id === id) ?? null
  );
}

function named(rows: readonly TableRow[], { schemas, style }: Naming): Table[] {
  const served = rows
    .flatMap((row) => tableOf(row) ?? [])
    .sort((a, b) => schemas.indexOf(a.schema) - schemas.indexOf(b.schema));
  const taken = new Set<string>();
  return served.map((table) => {
    const short = style === 'table' && !table.name.includes('.') && !taken.has(table.name);
    taken.add(table.name);
    return { ...table, id: short ? table.name : `${table.schema}.${table.name}` };
  });
}

/** Null when it cannot be read as features: no declared SRID, or nothing to page by. */
export function tableOf(row: TableRow): Omit<Table, 'id'> | null {
  const geometry = geometryOf(row);
  const key = keyOf(row) ?? trustedKeyOf(row) ?? positionOf(row);
  if (!geometry || !key) return null;
  const { schema, table: name, oid, description } = row;
  const stored = row.kind !== 'v' && row.kind !== 'f';
  const columns = row.columns.filter((column) => column !== null).filter(({ kind }) => kind !== 'geometry');
  const hasIds = key[0]?.kind !== 'tid';
  return { schema, name, oid, description, stored, columns, geometry, key, hasIds, time: timeOf(row) };
}

/** The first that declares its SRID. */
function geometryOf({ columns, indexes }: TableRow): GeometryColumn | null {
  for (const [position, column] of columns.entries()) {
    const declared = /geometry\((?<type>\w+),(?<srid>\d+)\)$/.exec(
      column?.kind === 'geometry' ? column.type : '',
    )?.groups;
    if (!column || !declared) continue;
    const own = indexes.filter((index) => index.method === 'gist' && index.columns[0] === position + 1);
    return {
      name: column.name,
      type: declared.type ?? 'Geometry',
      srid: Number(declared.srid),
      notNull: column.notNull,
      indexed: own.length > 0 && own.every(({ partial }) => !partial),
    };
  }
  return null;
}

/** The primary key, else the unique index of the fewest columns, none of which may be null. */
function keyOf({ columns, indexes }: TableRow): KeyColumn[] | null {
  const unique = indexes
    .filter((index) => index.unique && !index.partial)
    .sort((a, b) => Number(b.primary) - Number(a.primary) || a.columns.length - b.columns.length);
  for (const index of unique) {
    const key = index.columns.flatMap((number) => columns[number - 1] ?? []);
    const usable = key.every((column) => column.notNull && isKeyKind(column));
    if (usable && key.length === index.columns.length) return key.map(keyColumn);
  }
  return null;
}

const trustedNames = ['id', 'fid', 'ogc_fid', 'gid'];

/** A view has no indexes: a column named like a key is taken for one. */
function trustedKeyOf({ kind, columns }: TableRow): KeyColumn[] | null {
  if (kind !== 'v' && kind !== 'f') return null;
  const found = trustedNames.map((name) => columns.find((column) => column?.name === name)).find(Boolean);
  return found && isKeyKind(found) ? [keyColumn(found)] : null;
}

function positionOf({ kind }: TableRow): KeyColumn[] | null {
  return kind === 'r' || kind === 'm' ? [{ sql: 'ctid', name: 'ctid', kind: 'tid' }] : null;
}

function isKeyKind({ kind, enum: isEnum }: Column): boolean {
  return valueType(kind, isEnum)?.key ?? false;
}

function keyColumn({ name, kind }: Column): KeyColumn {
  return { sql: `"${name.replaceAll('"', '""')}"`, name, kind };
}

function timeOf({ columns, indexes }: TableRow): Table['time'] {
  const position = columns.findIndex((column) => column !== null && timeKinds.has(column.kind));
  const column = columns[position];
  if (!column) return null;
  const leads = (index: Index) => index.method === 'btree' && !index.partial && index.columns[0] === position + 1;
  return { column, indexed: indexes.some(leads) };
}
