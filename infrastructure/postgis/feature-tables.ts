import type pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import type {
  FeatureTable,
  FeatureTables,
  LoadIndexes,
  LoadRef,
  NewLoad,
  TableDescription,
  TableSummary,
} from '../../core/ports/feature-tables.ts';
import type { Backend } from '../postgres/backend.ts';
import type { Query } from '../postgres/database.ts';
import { isDataError } from '../postgres/errors.ts';
import { query } from '../postgres/sql-files.ts';
import type { Run } from '../postgres/transaction.ts';
import { copyRows, insertRows } from './chunk-rows.ts';
import { describeTable, loadEnded, loadSchema, type StoredLoad } from './loads.ts';
import { publish } from './publish.ts';
import { quoted, transaction } from './session.ts';
import { summarize } from './summary.ts';

const sql = {
  begin: query('load_begin'),
  forgetChunks: query('load_forget_chunks'),
  lockShared: query('load_lock_shared'),
  lock: query('load_lock'),
  claimChunk: query('load_claim_chunk'),
  countChunk: query('load_count_chunk'),
  chunkRows: query('load_chunk_rows'),
  total: query('load_total_rows'),
  takeEnded: query('load_take_ended'),
  findEnded: query('load_find_ended'),
  forgetOrigins: query('table_origin_forget'),
};

export function openFeatureTables(pool: pg.Pool, backend: Backend): FeatureTables {
  return new PostgisTables(pool, backend);
}

class PostgisTables implements FeatureTables {
  readonly #pool: pg.Pool;
  readonly #backend: Backend;

  constructor(pool: pg.Pool, backend: Backend) {
    this.#pool = pool;
    this.#backend = backend;
  }

  get binaryRows(): boolean {
    return this.#backend.copyFromStdin;
  }

  describe(table: FeatureTable): Promise<TableDescription | null> {
    return transaction(this.#pool, (run) => describeTable(run, table));
  }

  async summarize(table: FeatureTable): Promise<TableSummary> {
    const described = await this.describe(table);
    // A transaction each: PostGIS refuses some transformations, and what comes next must still be done.
    const ask: Query = (text, values) => transaction(this.#pool, (run) => run(text, values));
    if (described?.geometry) return summarize(ask, table, described.geometry);
    const name = `${table.schema}.${table.table}`;
    throw new CoreMachineError('TABLE_NOT_FOUND', `there is no table ${name} with a geometry column`);
  }

  async begin(load: NewLoad): Promise<void> {
    const name = loadTableName(load);
    await transaction(this.#pool, async (run) => {
      const columns = JSON.stringify(load.columns);
      const row = [load.jobId, load.run, load.attempt, name, columns];
      if ((await run(sql.begin, row)).length === 0) throw loadEnded();
      await run(sql.forgetChunks, [load.jobId, load.run]);
      await run(`DROP TABLE IF EXISTS ${quoted(loadSchema, name)}`);
      const columnList = load.columns.map((column) => `${quoted(column.name)} ${column.type}, `).join('');
      const geometry = `geom geometry(${load.geometryType}, 4326)`;
      await run(`CREATE TABLE ${quoted(loadSchema, name)} (id bigint NOT NULL, ${columnList}${geometry})`);
    });
  }

  async addChunk(
    load: LoadRef,
    chunk: number,
    file: string,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<number> {
    const place = [load.jobId, load.run, chunk];
    try {
      return await transaction(this.#pool, async (run, client) => {
        const [open] = await run<StoredLoad>(sql.lockShared, [load.jobId, load.run]);
        if (!open) throw loadEnded();
        if ((await run(sql.claimChunk, place)).length === 0) {
          const [known] = await run<{ rows: number }>(sql.chunkRows, place);
          return known?.rows ?? 0;
        }
        const rows = await this.#write(run, client, open, file, signal);
        await run(sql.countChunk, [...place, rows]);
        signal?.throwIfAborted();
        return rows;
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (!isDataError(error)) throw error;
      const { message, where = '' } = error as pg.DatabaseError;
      throw new CoreMachineError('INVALID_ROWS', `the database refused rows: ${message} ${where}`.trim(), {
        cause: error,
      });
    }
  }

  #write(
    run: Run,
    client: pg.PoolClient,
    { load_table, columns }: StoredLoad,
    file: string,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const table = quoted(loadSchema, load_table);
    const names = ['id', 'geom', ...columns.map(({ name }) => name)].map((name) => quoted(name));
    if (this.#backend.copyFromStdin) return copyRows(client, `${table} (${names.join(', ')})`, file, signal);
    const types = ['bigint', 'geometry', ...columns.map(({ type }) => type)];
    return insertRows(
      run,
      { table, columns: names.map((name, index) => ({ name, type: types[index] ?? 'text' })) },
      file,
    );
  }

  async index(load: LoadRef, { spatial, columns }: LoadIndexes): Promise<void> {
    await transaction(this.#pool, async (run) => {
      const [stored] = await run<StoredLoad & { published: boolean }>(sql.lock, [load.jobId, load.run]);
      if (!stored) throw loadEnded();
      if (stored.published) return;
      const table = quoted(loadSchema, stored.load_table);
      const [key] = await run<{ found: boolean }>(
        `SELECT EXISTS (SELECT FROM pg_catalog.pg_index WHERE indrelid = $1::regclass AND indisprimary) AS found`,
        [table],
      );
      if (key?.found) return;
      const [loaded] = await run<{ rows: number }>(sql.total, [load.jobId, load.run]);
      const name = (what: string) => quoted(`${stored.load_table.slice('load_'.length)}_${what}`.slice(0, 63));
      await run(`ALTER TABLE ${table} ADD CONSTRAINT ${name('pkey')} PRIMARY KEY (id)`);
      await run(
        `ALTER TABLE ${table} ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (START WITH ${(loaded?.rows ?? 0) + 1})`,
      );
      if (spatial) await run(`CREATE INDEX ${name('geom')} ON ${table} USING gist (geom)`);
      for (const [index, column] of columns.entries()) {
        await run(`CREATE INDEX ${name(`${index + 1}`)} ON ${table} (${quoted(column)})`);
      }
    });
  }

  async analyze({ schema, table }: FeatureTable): Promise<void> {
    await transaction(this.#pool, (run) => run(`ANALYZE ${quoted(schema, table)}`));
  }

  publish(...[load, publication]: Parameters<FeatureTables['publish']>): Promise<number> {
    return transaction(this.#pool, (run) => publish(run, load, publication));
  }

  async remove({ jobId, run: last }: LoadRef): Promise<void> {
    await transaction(this.#pool, async (run) => {
      for (const { load_table } of await run<StoredLoad>(sql.takeEnded, [jobId, last])) {
        await run(`DROP TABLE IF EXISTS ${quoted(loadSchema, load_table)}`);
      }
      await run(sql.forgetOrigins);
    });
  }

  async ended(limit: number): Promise<readonly LoadRef[]> {
    const rows = await transaction(this.#pool, (run) => run<{ job_id: string; run: number }>(sql.findEnded, [limit]));
    return rows.map((row) => ({ jobId: row.job_id, run: row.run }));
  }
}

function loadTableName({ jobId, run }: LoadRef): string {
  return `load_${jobId.slice(0, 16)}_${run}`;
}
