import type { FeaturePage } from '../../core/ports/feature-collections.ts';
import type { Query } from '../postgres/database.ts';
import type { PageRow, Statement } from './statements.ts';

/** A page ends when its features reach this many characters: ten thousand coastlines would not fit into memory. */
const pageSize = 16 * 1024 * 1024;

/** How many rows are fetched before anything is known of their size, and how much faster it may go from there. */
const firstRows = 16;
const growth = 8;

/**
 * Reads a page through a cursor, in steps as large as the rows seen so far allow: what would not go into the page is
 * hardly made. `run` is of a transaction; the statement gives one row more than `limit` when there are more.
 */
export async function readPage(run: Query, { text, values }: Statement, limit: number): Promise<FeaturePage> {
  await run(`DECLARE features_page NO SCROLL CURSOR FOR ${text}`, values);
  const rows: PageRow[] = [];
  let size = 0;
  let ended = false;
  while (!ended && rows.length <= limit && size < pageSize) {
    const wanted = step(rows.length, size, limit + 1 - rows.length);
    const fetched = await run<PageRow>(`FETCH ${wanted} FROM features_page`);
    rows.push(...fetched);
    size += fetched.reduce((sum, { feature }) => sum + feature.length, 0);
    ended = fetched.length < wanted;
  }
  const kept = rows.slice(0, Math.min(limit, rowsWithin(rows)));
  const more = kept.length < rows.length || (!ended && (await run('FETCH 1 FROM features_page')).length > 0);
  return { features: kept.map(({ feature }) => feature), next: more ? (kept.at(-1)?.key ?? null) : null };
}

function step(rows: number, size: number, left: number): number {
  if (rows === 0) return Math.min(left, firstRows);
  const fitting = Math.ceil(((pageSize - size) * rows) / Math.max(1, size));
  return Math.max(1, Math.min(left, fitting, growth * rows));
}

/** The rows that begin within the page’s size; one at least. */
function rowsWithin(rows: readonly PageRow[]): number {
  let before = 0;
  const end = rows.findIndex(({ feature }) => {
    const over = before >= pageSize;
    before += feature.length;
    return over;
  });
  return end < 0 ? rows.length : end;
}
