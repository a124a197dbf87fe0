import type { FeatureTable, TableDescription, TableSummary } from '../../core/ports/feature-tables.ts';
import type { Run } from '../postgres/transaction.ts';
import { quoted } from './session.ts';

interface Row {
  readonly type: string | null;
  readonly count: number;
  readonly west: number | null;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

/** To ask each geometry for its type takes three times as long as the rest. */
function typeSql(geometry: string, declared: string): string {
  const single = /^(?:Multi)?(?:Point|LineString|Polygon)(?=Z?M?$)/.exec(declared)?.[0];
  const ofColumn = `CASE WHEN ${geometry} IS NOT NULL THEN '${single}' END`;
  return single === undefined ? `substr(ST_GeometryType(${geometry}), 4)` : ofColumn;
}

/** One pass: count and extent of each geometry type. */
export async function summarize(
  run: Run,
  { schema, table }: FeatureTable,
  { column, type, srid }: NonNullable<TableDescription['geometry']>,
): Promise<TableSummary> {
  const geometry = quoted(column);
  const degrees = srid === 4326 || srid === 0 ? 'box' : `ST_Transform(ST_SetSRID(box, ${Number(srid)}), 4326)`;
  const rows = await run<Row>(
    `SELECT type, count, ST_XMin(place) AS west, ST_YMin(place) AS south, ST_XMax(place) AS east, ST_YMax(place) AS north
     FROM (
       SELECT type, count, ${degrees} AS place FROM (
         SELECT ${typeSql(geometry, type)} AS type, count(*)::float8 AS count,
           ST_Extent(${geometry})::geometry AS box
         FROM ${quoted(schema, table)} GROUP BY 1
       ) AS by_type
     ) AS placed
     ORDER BY count DESC`,
  );
  const boxes = rows.filter((row) => row.west !== null);
  return {
    rowCount: rows.reduce((total, { count }) => total + count, 0),
    geometryTypes: rows.flatMap(({ type }) => type ?? []),
    bbox:
      boxes.length === 0
        ? null
        : [
            Math.min(...boxes.map(({ west }) => west ?? 0)),
            Math.min(...boxes.map(({ south }) => south)),
            Math.max(...boxes.map(({ east }) => east)),
            Math.max(...boxes.map(({ north }) => north)),
          ],
  };
}
