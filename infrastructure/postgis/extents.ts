import { CoreMachineError } from '../../core/errors.ts';
import type { Box, CollectionExtent } from '../../core/ports/feature-collections.ts';
import type { Query } from '../postgres/database.ts';
import { query } from '../postgres/sql-files.ts';
import { extentStatement, indexExtentStatement, intervalStatement, type Statement } from './statements.ts';
import type { Table } from './tables.ts';
import { boxOf, lonLatBox } from './windows.ts';

const sizeSql = query('features_size');

/** A table of at most this size, TOAST included, is read for its extent: about 0.1 s. */
const smallBytes = 32 * 1024 * 1024;

/** How long an extent is not looked up again. */
const keptMs = 60_000;
const keptTables = 10_000;

/**
 * Extents of tables. The box comes from the root of the GiST index where there is one over the whole table (it covers
 * all features, at any size at once), from the rows of a small table, else it is unknown; the times likewise.
 */
export class Extents {
  readonly #known = new Map<string, { readonly at: number; readonly extent: CollectionExtent }>();

  /** `run` gives every statement a transaction of its own: one that fails leaves the others alone. */
  async of(run: Query, table: Table): Promise<CollectionExtent> {
    const known = this.#known.get(table.oid);
    if (known && Date.now() - known.at < keptMs) return known.extent;
    const box = await boxOfTable(run, table).catch(unlessOthers);
    const interval = await intervalOf(run, table).catch(unlessOthers);
    const extent = { box, interval };
    if (this.#known.size >= keptTables) this.#known.clear();
    this.#known.set(table.oid, { at: Date.now(), extent });
    return extent;
  }
}

/** One table that is locked or broken must not spoil the list of all: its extent is unknown. */
function unlessOthers(error: unknown): null {
  const code = error instanceof CoreMachineError ? error.code : null;
  if (code === 'DATABASE_UNAVAILABLE' || code === 'COLLECTION_NOT_FOUND') throw error;
  return null;
}

async function boxOfTable(run: Query, table: Table): Promise<Box | null> {
  const native =
    // PostGIS does not find tables with quotation marks in their names.
    (table.geometry.indexed ? await asked(run, indexExtentStatement(table)).catch(unlessOthers) : null) ??
    ((await isSmall(run, table)) ? await asked(run, extentStatement(table)) : null);
  return native && lonLatBox(run, native, table.geometry.srid);
}

async function asked(run: Query, { text, values }: Statement): Promise<Box | null> {
  return boxOf((await run<NonNullable<Parameters<typeof boxOf>[0]>>(text, values))[0]);
}

async function intervalOf(run: Query, table: Table): Promise<CollectionExtent['interval']> {
  if (!table.time || !(table.time.indexed || (await isSmall(run, table)))) return null;
  const { text } = intervalStatement(table, table.time.column.name);
  const [row] = await run<{ readonly first: string | null; readonly last: string | null }>(text);
  if (!row || row.first === null) return null;
  return [rfc3339(row.first), rfc3339(row.last)];
}

async function isSmall(run: Query, { stored, oid }: Table): Promise<boolean> {
  if (!stored) return false;
  const [row] = await run<{ readonly bytes: number | null }>(sizeSql, [oid]);
  return typeof row?.bytes === 'number' && row.bytes <= smallBytes;
}

/** PostgreSQL's JSON form of a date or time, in UTC, as RFC 3339; null when it is infinite or before Christ. */
function rfc3339(text: string | null): string | null {
  const parts = /^(?<date>\d{4}-\d\d-\d\d)(?:T(?<time>[\d:.]+)(?:\+00:00)?)?$/.exec(text ?? '')?.groups;
  return parts ? `${parts.date}T${parts.time ?? '00:00:00'}Z` : null;
}
