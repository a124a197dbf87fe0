import type { Box } from '../../core/ports/feature-collections.ts';
import type { FeatureTable, TableDescription, TableSummary } from '../../core/ports/feature-tables.ts';
import type { Query } from '../postgres/database.ts';
import { quoted } from './session.ts';
import { boxOf, lonLatBox } from './windows.ts';

interface Row {
  readonly type: string | null;
  readonly srid: number | null;
  readonly count: number;
  readonly west: number | null;
  readonly south: number | null;
  readonly east: number | null;
  readonly north: number | null;
}

/** To ask each geometry for its type takes three times as long as the rest. */
function typeSql(geometry: string, declared: string): string {
  const single = /^(?:Multi)?(?:Point|LineString|Polygon)(?=Z?M?$)/.exec(declared)?.[0];
  const ofColumn = `CASE WHEN ${geometry} IS NOT NULL THEN '${single}' END`;
  return single === undefined ? `substr(ST_GeometryType(${geometry}), 4)` : ofColumn;
}

/** One pass: count and extent of each geometry type and SRID; a column that declares none may hold several. */
export async function summarize(
  run: Query,
  { schema, table }: FeatureTable,
  { column, type, srid }: NonNullable<TableDescription['geometry']>,
): Promise<TableSummary> {
  const geometry = quoted(column);
  const rows = await run<Row>(
    `SELECT type, srid, count, ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
     FROM (
       SELECT ${typeSql(geometry, type)} AS type, ${srid === 0 ? `ST_SRID(${geometry})` : Number(srid)} AS srid,
         count(*)::float8 AS count, ST_Extent(${geometry}) AS box
       FROM ${quoted(schema, table)} GROUP BY 1, 2
     ) AS by_type
     ORDER BY count DESC`,
  );
  const srids = [...new Set(rows.filter((row) => row.type !== null).map((row) => row.srid ?? 0))];
  return {
    rowCount: rows.reduce((total, { count }) => total + count, 0),
    geometryTypes: [...new Set(rows.flatMap((row) => row.type ?? []))],
    bbox: await degreesOf(run, rows, srids),
    srid: srids.length === 1 ? (srids[0] ?? srid) : srid,
  };
}

/** Around all rows; null where no row has a geometry, or one of the systems does not tell its place on the Earth. */
async function degreesOf(run: Query, rows: readonly Row[], srids: readonly number[]): Promise<Box | null> {
  const found: Box[] = [];
  for (const srid of srids) {
    const own = rows.filter((row) => row.srid === srid).map(boxOf);
    const box = around(own.filter((one) => one !== null));
    if (!box) continue;
    const degrees = srid === 4326 || srid === 0 ? asDegrees(box) : await lonLatBox(run, box, srid);
    if (!degrees) return null;
    found.push(degrees);
  }
  return around(found);
}

function around(boxes: readonly Box[]): Box | null {
  if (boxes.length === 0) return null;
  const [west, south] = [0, 1].map((side) => Math.min(...boxes.map((box) => box[side] ?? 0)));
  const [east, north] = [2, 3].map((side) => Math.max(...boxes.map((box) => box[side] ?? 0)));
  return [west ?? 0, south ?? 0, east ?? 0, north ?? 0];
}

/** Of rows without a system too, where they can be degrees. */
function asDegrees(box: Box): Box | null {
  const [west, south, east, north] = box;
  return west >= -180 && south >= -90 && east <= 180 && north <= 90 ? box : null;
}
