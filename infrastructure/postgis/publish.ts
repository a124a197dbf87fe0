import { CoreMachineError } from '../../core/errors.ts';
import type { FeatureTable, LoadRef, Publication, TableDescription } from '../../core/ports/feature-tables.ts';
import { isDataError } from '../postgres/errors.ts';
import { query } from '../postgres/sql-files.ts';
import type { Run } from '../postgres/transaction.ts';
import { describeTable, loadEnded, loadSchema, type StoredLoad } from './loads.ts';
import { quoted, sqlState } from './session.ts';

const sql = {
  lock: query('load_lock'),
  total: query('load_total_rows'),
  published: query('load_published'),
  ties: query('table_ties'),
  belongings: query('table_belongings'),
  setOrigin: query('table_origin_set'),
};

type LockedLoad = StoredLoad & { readonly published: boolean; readonly rows: number | null };

/** In one transaction: what a retry finds published it leaves as it is. */
export async function publish(run: Run, load: LoadRef, { target, method, rows }: Publication): Promise<number> {
  const [stored] = await run<LockedLoad>(sql.lock, [load.jobId, load.run]);
  if (!stored) throw loadEnded();
  if (stored.published) return stored.rows ?? 0;
  await requireAllRows(run, load, rows);
  const existing = await describeTable(run, target);
  if (existing === null) await move(run, load, stored, target);
  else if (method === 'append') await append(run, stored, target, existing);
  else {
    // A job that runs again may replace what it made itself.
    if (method === 'fail' && existing.madeBy !== load.jobId) throw tableExists(target);
    await replace(run, load, stored, target);
  }
  await run(sql.published, [load.jobId, load.run, rows]);
  return rows;
}

async function requireAllRows(run: Run, load: LoadRef, expected: number): Promise<void> {
  const [found] = await run<{ rows: number }>(sql.total, [load.jobId, load.run]);
  if (found?.rows === expected) return;
  throw new CoreMachineError('INTERNAL', `the load has ${found?.rows} rows of ${expected}`);
}

/** The load table itself becomes the target. */
async function move(run: Run, load: LoadRef, { load_table }: StoredLoad, target: FeatureTable): Promise<void> {
  try {
    await run(`ALTER TABLE ${quoted(loadSchema, load_table)} SET SCHEMA ${quoted(target.schema)}`);
    await run(`ALTER TABLE ${quoted(target.schema, load_table)} RENAME TO ${quoted(target.table)}`);
  } catch (error) {
    // Of another transaction that was faster.
    if (sqlState(error) === '42P07') throw tableExists(target);
    throw error;
  }
  await run(sql.setOrigin, [quoted(target.schema, target.table), load.jobId]);
}

/** What the old table has that the new one would not is a reason to refuse; comments and grants go over. */
async function replace(run: Run, load: LoadRef, stored: StoredLoad, target: FeatureTable): Promise<void> {
  const name = quoted(target.schema, target.table);
  const columns = ['id', 'geom', ...stored.columns.map((column) => column.name)];
  let belongings: { readonly statement: string }[] = [];
  try {
    await run(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
    const ties = await run<{ tie: string }>(sql.ties, [name]);
    if (ties.length > 0) throw inUse(target, tiedBy(ties.map(({ tie }) => tie)));
    belongings = await run(sql.belongings, [name, columns]);
    await run(`DROP TABLE ${name}`);
  } catch (error) {
    const state = sqlState(error);
    if (state === '2BP01') throw inUse(target, 'others are built on it');
    if (state === '42809') throw inUse(target, 'it is no plain table');
    throw error;
  }
  await move(run, load, stored, target);
  for (const { statement } of belongings) await run(statement);
}

const mostTiesShown = 10;

function tiedBy(ties: readonly string[]): string {
  const shown = ties.slice(0, mostTiesShown).join(', ');
  const more = ties.length > mostTiesShown ? ` and ${ties.length - mostTiesShown} more` : '';
  return `its ${shown}${more} would be lost; drop what is not needed, or load into another table`;
}

function inUse({ schema, table }: FeatureTable, reason: string): CoreMachineError {
  return new CoreMachineError('TABLE_IN_USE', `${schema}.${table} cannot be replaced: ${reason}`);
}

async function append(
  run: Run,
  { load_table, columns }: StoredLoad,
  target: FeatureTable,
  existing: TableDescription,
): Promise<void> {
  const geometry = existing.geometry?.column ?? 'geom';
  const into = [geometry, ...columns.map(({ name }) => name)].map((name) => quoted(name)).join(', ');
  const from = ['geom', ...columns.map(({ name }) => name)].map((name) => quoted(name)).join(', ');
  try {
    await run(
      `INSERT INTO ${quoted(target.schema, target.table)} (${into})
       SELECT ${from} FROM ${quoted(loadSchema, load_table)} ORDER BY id`,
    );
  } catch (error) {
    if (!isDataError(error) && !/^42(?:804|703)$/.test(sqlState(error) ?? '')) throw error;
    const reason = error instanceof Error ? error.message : '';
    throw new CoreMachineError(
      'COLUMNS_MISMATCH',
      `${target.schema}.${target.table} does not take the rows: ${reason}`,
    );
  }
}

function tableExists({ schema, table }: FeatureTable): CoreMachineError {
  return new CoreMachineError('TABLE_EXISTS', `the table ${schema}.${table} exists`);
}
