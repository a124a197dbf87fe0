import type { FeatureQuery } from '../../core/ports/feature-collections.ts';
import { conditions, keyIs, lonLatSql, type Window } from './conditions.ts';
import { featureIdSql } from './feature-id.ts';
import { Bindings, literal, quoted } from './sql-text.ts';
import type { GeometryColumn, Table } from './tables.ts';

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

/** GeoJSON has no word for NaN and infinity: what holds one comes without heights, or else is null. */
function geometrySql({ geometry }: Table): string {
  const shown = shownSql(geometry);
  const flat = finiteSql(`ST_AsGeoJSON(ST_Force2D(${shown}), ${digits}, 0)`, 'NULL');
  return finiteSql(`ST_AsGeoJSON(${shown}, ${digits}, 0)`, flat);
}

/** In lon/lat, of straight lines, outer rings counterclockwise: RFC 7946, 3.1.6. */
function shownSql({ name, type, srid }: GeometryColumn): string {
  const stored = `t.${quoted(name)}`;
  const straight = mayHold(type, arcTypes) ? `ST_CurveToLine(${stored})` : stored;
  const lonLat = srid === 4326 ? straight : lonLatSql(straight, srid);
  return mayHold(type, areaTypes) ? `ST_ForcePolygonCCW(${lonLat})` : lonLat;
}

/** The GeoJSON if all of its numbers are finite; the names in it have no I and no N. */
function finiteSql(json: string, otherwise: string): string {
  return `(SELECT CASE WHEN json ~ '[IN]' THEN ${otherwise} ELSE json END FROM (SELECT ${json} AS json OFFSET 0) AS made)`;
}

const arcTypes = /^(?:CircularString|CompoundCurve|CurvePolygon|MultiCurve|MultiSurface)/i;
const areaTypes = /^(?:Multi)?(?:Polygon|Surface)|^CurvePolygon/i;

function mayHold(type: string, sought: RegExp): boolean {
  return sought.test(type) || /^Geometry/i.test(type);
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
