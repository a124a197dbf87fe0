import pg from 'pg';
import { isConflict, mapDatabaseError } from '../postgres/errors.ts';
import { inTransaction, type Run } from '../postgres/transaction.ts';

/** A chunk or an index may take its time; waiting for a lock may not: readers wait behind who waits for theirs. */
const statementTimeoutMs = 1_800_000;
const lockTimeoutMs = 20_000;
const begin = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout TO ${lockTimeoutMs};
  SET LOCAL statement_timeout TO ${statementTimeoutMs}; SET LOCAL timezone TO 'UTC';
  SET LOCAL maintenance_work_mem TO '128MB'; SET LOCAL client_min_messages TO warning`;

const attempts = 5;

/** Runs `work` in one transaction, again if it lost against another one. Throws DATABASE_UNAVAILABLE, and the driver's errors. */
export async function transaction<T>(pool: pg.Pool, work: (run: Run, client: pg.PoolClient) => Promise<T>): Promise<T> {
  for (let left = attempts - 1; ; left -= 1) {
    try {
      return await inTransaction(pool, { begin, statementTimeoutMs }, work);
    } catch (error) {
      if (left === 0 || !isConflict(error)) throw mapDatabaseError(error);
    }
  }
}

export function quoted(...names: readonly string[]): string {
  return names.map((name) => pg.escapeIdentifier(name)).join('.');
}

/** The SQLSTATE of an error of the server; null of any other. */
export function sqlState(error: unknown): string | null {
  return error instanceof pg.DatabaseError ? (error.code ?? null) : null;
}
