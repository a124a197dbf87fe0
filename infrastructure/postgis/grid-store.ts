import pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import type { GridCell, GridRange, GridStore, GridSummary, LandPolygon } from '../../core/ports/grid-store.ts';
import type { Database, Query } from '../postgres/database.ts';
import { query } from '../postgres/sql-files.ts';
import { ewkbHex } from './ewkb.ts';
import { installGeoSchema } from './install.ts';

const sql = {
  deleteRange: query('grid_delete_range'),
  insertCells: query('grid_insert_cells'),
  summary: query('grid_summary'),
  missingParents: query('grid_missing_parents'),
  keepOnly: query('grid_keep_only'),
  landColumn: query('grid_land_column'),
};

const cellsPerStatement = 2_000;

/** The grids in schema `h3`, which is made if it is missing. Throws DATABASE_UNAVAILABLE. */
export async function openGridStore(database: Database): Promise<GridStore> {
  await installGeoSchema(database.pool, 'h3', '001_h3_grids.sql');
  return {
    replaceCells: (range, cells) => database.transaction((tx) => replaceCells(tx, range, cells)),
    summary: (gridId) => summary(database.query, gridId),
    async missingParents(gridId, coarserGridId) {
      let missing = 0;
      const parents = inParts<Part & { missing: number }>(database.query, sql.missingParents, [gridId, coarserGridId]);
      for await (const part of parents) missing += part.missing;
      return missing;
    },
    async keepOnly(gridId, ranges) {
      const columns = [ranges.map(({ first }) => String(first)), ranges.map(({ last }) => String(last))];
      const [row] = await database.query<{ removed: number }>(sql.keepOnly, [gridId, ...columns]);
      return row?.removed ?? 0;
    },
    async requireLandTable(table) {
      await landColumn(database.query, table);
    },
    landPolygons: (table) => landPolygons(database.query, table),
  };
}

/** How many cells one statement reads: a grid of millions would take longer than a statement may. */
const cellsPerPart = 200_000;

interface Part {
  readonly cells: number;
  readonly last: string | null;
}

/** The rows of a statement over a grid's cells, some of them at a time, in the order of their indexes. */
async function* inParts<Row extends Part>(
  ask: Query,
  statement: string,
  parameters: readonly unknown[],
): AsyncGenerator<Row> {
  for (let after: string | null = '-1'; after !== null; ) {
    const [row]: Row[] = await ask<Row>(statement, [...parameters, after, cellsPerPart]);
    if (!row) return;
    yield row;
    after = row.cells < cellsPerPart ? null : row.last;
  }
}

async function summary(ask: Query, gridId: string): Promise<GridSummary> {
  type Row = Part & { west: number | null; south: number; east: number; north: number };
  let cells = 0;
  let bbox: GridSummary['bbox'] = null as GridSummary['bbox'];
  for await (const part of inParts<Row>(ask, sql.summary, [gridId])) {
    cells += part.cells;
    const { west, south, east, north } = part;
    if (west === null) continue;
    const [w, s, e, n]: NonNullable<GridSummary['bbox']> = bbox ?? [west, south, east, north];
    bbox = [Math.min(w, west), Math.min(s, south), Math.max(e, east), Math.max(n, north)];
  }
  return { cells, bbox };
}

/** Run again as a whole when the transaction met another one, so `cells` must be iterable more than once. */
async function replaceCells(tx: Query, range: GridRange, cells: Iterable<GridCell>): Promise<number> {
  await tx(sql.deleteRange, [range.gridId, String(range.first), String(range.last)]);
  let count = 0;
  for (const chunk of chunks(cells, cellsPerStatement)) {
    await tx(sql.insertCells, [range.gridId, range.resolution, ...columnsOf(chunk)]);
    count += chunk.length;
  }
  return count;
}

function columnsOf(cells: readonly GridCell[]): unknown[] {
  return [
    cells.map(({ index }) => String(index)),
    cells.map(({ parent }) => parent && String(parent)),
    cells.map(({ parts }) => ewkbHex(parts)),
    cells.map(({ isLand }) => isLand),
    cells.map(({ countryCode }) => countryCode),
  ];
}

function* chunks<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

interface TableName {
  readonly schema: string;
  readonly table: string;
}

async function landColumn(ask: Query, { schema, table }: TableName): Promise<{ geom: string; country: string | null }> {
  const [column] = await ask<{ geom: string; country: string | null }>(sql.landColumn, [schema, table]);
  if (column) return column;
  throw new CoreMachineError('TABLE_NOT_FOUND', `there is no table ${schema}.${table} with geometries`);
}

interface LandRow {
  readonly coordinates: [number, number][][];
  readonly country: string | null;
}

/** The names come from the system catalogue and are quoted. */
async function landPolygons(ask: Query, { schema, table }: TableName): Promise<LandPolygon[]> {
  const column = await landColumn(ask, { schema, table });
  const name = (text: string) => pg.escapeIdentifier(text);
  const country = column.country === null ? 'NULL::text' : `t.${name(column.country)}::text`;
  const rows = await ask<LandRow>(
    `SELECT public.st_asgeojson(d.geom)::json -> 'coordinates' AS coordinates, ${country} AS country
     FROM ${name(schema)}.${name(table)} t
     CROSS JOIN LATERAL public.st_dump(public.st_transform(public.st_force2d(t.${name(column.geom)}), 4326)) d
     WHERE public.geometrytype(d.geom) = 'POLYGON'`,
  );
  return rows.map(({ coordinates, country: countryCode }) => ({ rings: coordinates, countryCode }));
}
