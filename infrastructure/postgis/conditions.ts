import { CoreMachineError, type ErrorDetail } from '../../core/errors.ts';
import type { Box, FeatureQuery, TimeInterval } from '../../core/ports/feature-collections.ts';
import { valueType } from './column-types.ts';
import { areKeyValues } from './feature-id.ts';
import { type Bindings, quoted } from './sql-text.ts';
import type { Table } from './tables.ts';

/** A box of a request and, for tables that are not in lon/lat, the box around it there; null: not to be had. */
export interface Window {
  readonly box: Box;
  readonly native: Box | null;
}

/** The conditions of a query as SQL over `t`. Throws INVALID_PARAMETERS with every column or value that does not fit. */
export function conditions(
  table: Table,
  query: FeatureQuery,
  windows: readonly Window[],
  bindings: Bindings,
): string[] {
  return [
    ...(query.after ? [afterKey(table, query.after, bindings)] : []),
    ...(windows.length > 0 ? [inWindows(table, windows, query.heights, bindings)] : []),
    ...(query.time && table.time ? [inTime(table.time.column, query.time, bindings)] : []),
    ...equalities(table, query.properties ?? {}, bindings),
  ];
}

/** Rows behind a key, in the order of the key. */
function afterKey({ key }: Table, values: readonly string[], bindings: Bindings): string {
  if (!areKeyValues(key, values)) throw invalid([{ path: 'cursor', message: 'not a cursor of this collection' }]);
  return `${keyRow(key)} > (${keyValues(key, values, bindings)})`;
}

export function keyIs({ key }: Table, values: readonly string[], bindings: Bindings): string {
  return `${keyRow(key)} = (${keyValues(key, values, bindings)})`;
}

function keyRow(key: Table['key']): string {
  return `(${key.map(({ sql }) => `t.${sql}`).join(', ')})`;
}

function keyValues(key: Table['key'], values: readonly string[], bindings: Bindings): string {
  return key.map(({ kind }, index) => bindings.bind(values[index], valueType(kind)?.cast ?? kind)).join(', ');
}

function inWindows(
  { geometry }: Table,
  windows: readonly Window[],
  heights: FeatureQuery['heights'],
  bindings: Bindings,
): string {
  const column = `t.${quoted(geometry.name)}`;
  const inOne = windows.map((window) => `(${inWindow(column, geometry.srid, window, bindings)})`).join(' OR ');
  const inside = heights ? `(${inOne}) AND ${inHeights(column, heights, bindings)}` : inOne;
  // A feature without a geometry is part of every box: /req/core/fc-bbox-response.
  return geometry.notNull ? `(${inside})` : `(${inside} OR ${column} IS NULL)`;
}

/** ST_Intersects brings the index with it, but not through ST_Transform: there the box in the table's own system does. */
function inWindow(column: string, srid: number, { box, native }: Window, bindings: Bindings): string {
  const asked = boxSql(box, bindings);
  if (srid === 4326) return `ST_Intersects(${column}, ${asked})`;
  const exact = `ST_Intersects(${lonLatSql(column, srid)}, ${asked})`;
  return native ? `${column} && ${envelope(native, srid, bindings)} AND ${exact}` : exact;
}

/** No system of coordinates on Earth has larger ones, in any unit; PostGIS ends the statement over what it cannot transform. */
const largest = 1e9;

/** A geometry of another system in lon/lat; null where its coordinates are none, e.g. 1e30 for what is not known. */
export function lonLatSql(sql: string, srid: number): string {
  const sane = `ST_MakeEnvelope(-${largest}, -${largest}, ${largest}, ${largest}, ${srid})`;
  return `CASE WHEN ${sql} @ ${sane} THEN ST_Transform(${sql}, 4326) END`;
}

/** A polygon without an area meets nothing: such a box is a line or a point. */
function boxSql(box: Box, bindings: Bindings): string {
  const [west, south, east, north] = box;
  if (west !== east && south !== north) return envelope(box, 4326, bindings);
  const point = (x: number, y: number) => `ST_MakePoint(${bindings.bind(x, 'float8')}, ${bindings.bind(y, 'float8')})`;
  const first = point(west, south);
  const shape = west === east && south === north ? first : `ST_MakeLine(${first}, ${point(east, north)})`;
  return `ST_SetSRID(${shape}, 4326)`;
}

function envelope(box: Box, srid: number, bindings: Bindings): string {
  return `ST_MakeEnvelope(${box.map((value) => bindings.bind(value, 'float8')).join(', ')}, ${srid})`;
}

function inHeights(column: string, [low, high]: readonly [number, number], bindings: Bindings): string {
  const above = `ST_ZMax(${column}) >= ${bindings.bind(low, 'float8')}`;
  const below = `ST_ZMin(${column}) <= ${bindings.bind(high, 'float8')}`;
  // ST_Zmflag: 0 and 1 are without z.
  return `(ST_Zmflag(${column}) IN (0, 1) OR ${above} AND ${below})`;
}

/** A row without a time is part of every interval: /req/core/fc-time-response. */
function inTime(
  column: { name: string; kind: string; notNull: boolean },
  time: TimeInterval,
  bindings: Bindings,
): string {
  const sql = `t.${quoted(column.name)}`;
  const bound = (text: string) => inKind(bindings.bind(text, 'timestamptz'), column.kind);
  const limits = [
    ...(time.start === null ? [] : [`${sql} >= ${bound(time.start)}`]),
    ...(time.end === null ? [] : [`${sql} ${time.endExclusive ? '<' : '<='} ${bound(time.end)}`]),
  ];
  if (limits.length === 0) return 'true';
  return column.notNull ? `(${limits.join(' AND ')})` : `(${limits.join(' AND ')} OR ${sql} IS NULL)`;
}

/** Times without a zone are taken as UTC. */
function inKind(bound: string, kind: string): string {
  if (kind === 'timestamptz') return bound;
  const plain = `(${bound} AT TIME ZONE 'UTC')`;
  return kind === 'date' ? `${plain}::date` : plain;
}

function equalities({ columns }: Table, properties: Readonly<Record<string, string>>, bindings: Bindings): string[] {
  const problems: ErrorDetail[] = [];
  const found = Object.entries(properties).flatMap(([name, value]) => {
    const column = columns.find((known) => known.name === name);
    const type = column && valueType(column.kind, column.enum);
    if (!column)
      problems.push({ path: name, code: 'unrecognized_keys', message: 'there is no such parameter or property' });
    else if (!type) problems.push({ path: name, message: `properties of type ${column.type} cannot be asked for` });
    else if (!type.accepts(value)) problems.push({ path: name, message: `must be ${type.meaning}` });
    else return [`t.${quoted(name)}${column.enum ? '::text' : ''} = ${bindings.bind(value, type.cast)}`];
    return [];
  });
  if (problems.length > 0) throw invalid(problems);
  return found;
}

function invalid(details: readonly ErrorDetail[]): CoreMachineError {
  return new CoreMachineError('INVALID_PARAMETERS', 'the request has invalid parameters', { details });
}
