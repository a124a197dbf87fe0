import type { JsonObject } from '../../core/json.ts';
import type { StateStore } from '../../core/ports/state-store.ts';
import { type Backend, detectBackend } from './backend.ts';
import type { PostgresConfig } from './client-config.ts';
import { Database } from './database.ts';
import { findJobRow } from './jobs.ts';
import { LateMarks } from './late-marks.ts';
import { migrate } from './migrate.ts';
import { publicJobRow } from './rows.ts';
import { postgresStateStore } from './state-store.ts';

export type { Backend } from './backend.ts';
export type { PostgresConfig } from './client-config.ts';
export type { Database, Query } from './database.ts';

/** Longer than most messages are on their way, far shorter than the reconciler's patience with unsent ones. */
const marksWaitMs = 250;

/** The application's database: one pool of connections for everything that is kept in it. */
export interface Postgres {
  readonly database: Database;
  /** The driver's pool under `database`. */
  readonly pool: Database['pool'];
  readonly backend: Backend;
  readonly store: StateStore;
  /** The stored row of a job, snake_case, its result as `result_data`; null when there is no such job. */
  rawJobRow(jobId: string): Promise<JsonObject | null>;
  /** Asks the server; throws DATABASE_UNAVAILABLE. */
  health(): Promise<JsonObject>;
  close(): Promise<void>;
}

/**
 * Brings the schema up to date and opens the pool. Throws DATABASE_UNAVAILABLE, and CONFIGURATION_INVALID for a
 * malformed URL, a server older than PostgreSQL 14, or a database made with other migrations.
 */
export async function openPostgres(config: PostgresConfig): Promise<Postgres> {
  await migrate(config);
  const database = new Database(config);
  try {
    return assemble(database, await detectBackend(database), new LateMarks(config.marksWaitMs ?? marksWaitMs));
  } catch (error) {
    await database.close();
    throw error;
  }
}

function assemble(database: Database, backend: Backend, late: LateMarks): Postgres {
  const { pool } = database;
  return {
    database,
    pool,
    backend,
    store: postgresStateStore(database, late),
    async rawJobRow(jobId) {
      const row = await findJobRow(database.query, jobId);
      return row && publicJobRow(row);
    },
    async health() {
      await database.query('SELECT 1');
      const connections = { open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
      return { backend: backend.kind, version: backend.version, connections };
    },
    async close() {
      await late.flush();
      await database.close();
    },
  };
}
