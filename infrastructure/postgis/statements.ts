import type { FeatureQuery } from '../../core/ports/feature-collections.ts';
import { conditions, keyIs, type Window } from './conditions.ts';
import { featureIdSql } from './feature-id.ts';
import { Bindings, literal, quoted } from './sql-text.ts';
import type { Table } from './tables.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface PageRow {
  readonly key: readonly string[];
  readonly feature: string;
}

/** Decimal digits of a coordinate: 0.1 mm. */
const digits = 9;

/** Rows of one page in the order of the key, one more than the limit when there are more. */
export function pageStatement(table: Table, query: FeatureQuery, windows: readonly Window[]): Statement {
  const bindings = new Bindings();
  const where = conditions(table, query, windows, bindings);
  const keys = table.key.map(({ sql }) => `t.${sql}`);
  const text = `
    SELECT ARRAY[${keys.map((key) => `${key}::text`).join(', ')}] AS key, ${featureSql(table)} AS feature
    FROM ${tableSql(table)} AS t
    ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
    ORDER BY ${keys.join(', ')} LIMIT ${bindings.bind(query.limit + 1, 'bigint')}`;
  return { text: named('features_page', text), values: bindings.values };
}

export function featureStatement(table: Table, key: readonly string[]): Statement {
  const bindings = new Bindings();
  const where = keyIs(table, key, bindings);
  const text = `SELECT ${featureSql(table)} AS feature FROM ${tableSql(table)} AS t WHERE ${where} LIMIT 1`;
  return { text: named('features_item', text), values: bindings.values };
}

/** The exact extent in the table's own system. Reads the whole table. */
export function extentStatement(table: Table): Statement {
  const text = `
    SELECT ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
    FROM (SELECT ST_Extent(t.${quoted(table.geometry.name)}) AS box FROM ${tableSql(table)} AS t) AS whole`;
  return { text: named('features_extent', text), values: [] };
}

/** PostGIS reads it from the root page of the GiST index: never smaller than the data, and at once. */
export function indexExtentStatement({ schema, name, geometry }: Table): Statement {
  const text = `
    SELECT ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
    FROM (SELECT ST_EstimatedExtent($1, $2, $3) AS box) AS whole`;
  return { text: named('features_index_extent', text), values: [schema, name, geometry.name] };
}

export function intervalStatement(table: Table, column: string): Statement {
  const sql = `t.${quoted(column)}`;
  const text = `SELECT to_json(min(${sql})) #>> '{}' AS first, to_json(max(${sql})) #>> '{}' AS last FROM ${tableSql(table)} AS t`;
  return { text: named('features_interval', text), values: [] };
}

/** One row as GeoJSON text. Made by the server, so that no number passes through JavaScript. */
function featureSql(table: Table): string {
  const id = featureIdSql(table);
  return [
    literal('{"type":"Feature"'),
    ...(id ? [literal(',"id":'), id] : []),
    literal(',"geometry":'),
    `coalesce(${geometrySql(table)}, 'null')`,
    literal(',"properties":'),
    propertiesSql(table),
    literal('}'),
  ].join(' || ');
}

function geometrySql({ geometry }: Table): string {
  const stored = `t.${quoted(geometry.name)}`;
  // GeoJSON has no arcs.
  const straight = mayHoldArcs(geometry.type) ? `ST_CurveToLine(${stored})` : stored;
  const lonLat = geometry.srid === 4326 ? straight : `ST_Transform(${straight}, 4326)`;
  return `ST_AsGeoJSON(${lonLat}, ${digits}, 0)`;
}

function mayHoldArcs(type: string): boolean {
  return /^(?:Geometry|GeometryCollection|CircularString|CompoundCurve|CurvePolygon|MultiCurve|MultiSurface)/i.test(
    type,
  );
}

function propertiesSql({ columns }: Table): string {
  if (columns.length === 0) return literal('{}');
  const list = columns.map(({ name }) => `t.${quoted(name)}`).join(', ');
  return `(SELECT row_to_json(p)::text FROM (SELECT ${list}) AS p)`;
}

function tableSql({ schema, name }: Table): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

/** The name shows in pg_stat_activity. */
function named(name: string, text: string): string {
  return `/* ${name} */ ${text.trim()}`;
}
