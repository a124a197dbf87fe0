import type pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { mapDatabaseError } from '../postgres/errors.ts';
import { inTransaction, type Run } from '../postgres/transaction.ts';
import { retried } from './retry.ts';

/** A write of ten thousand items, with pgSTAC's statistics, takes about ten seconds; waiting for others comes on top. */
const statementTimeoutMs = 300_000;
const lockTimeoutMs = 60_000;

/** Transactions in which the catalogue's schema comes first in the search_path, as pgSTAC's functions need it. */
export class CatalogueSession {
  readonly #pool: pg.Pool;
  readonly #log: Log;
  readonly #begin: string;

  constructor(pool: pg.Pool, log: Log, schema: 'pgstac' | 'stac_small') {
    this.#pool = pool;
    this.#log = log;
    // One round trip.
    this.#begin = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path TO ${schema}, public;
      SET LOCAL client_min_messages TO warning; SET LOCAL lock_timeout TO ${lockTimeoutMs};
      SET LOCAL statement_timeout TO ${statementTimeoutMs}`;
  }

  /**
   * Runs `work` in one transaction, again if it met another one. Throws DATABASE_UNAVAILABLE when the server could not
   * be reached, CATALOGUE_FAILED when a statement was refused.
   */
  async transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    const onRetry = (state: string, attempt: number) => this.#log.warn('Catalogue:Write', { retry: attempt, state });
    try {
      return await retried(() => inTransaction(this.#pool, { begin: this.#begin, statementTimeoutMs }, work), onRetry);
    } catch (error) {
      const mapped = mapDatabaseError(error);
      if (mapped instanceof CoreMachineError) throw mapped;
      const reason = error instanceof Error ? error.message : String(error);
      throw new CoreMachineError('CATALOGUE_FAILED', `the catalogue refused: ${reason}`, { cause: error });
    }
  }
}
