import pg from 'pg';
import { clientConfig, type PostgresConfig } from './client-config.ts';
import { isConflict, isUnavailable, mapDatabaseError } from './errors.ts';

/** Runs one statement and returns its rows. Parameters are $1, $2, …; JSON goes in as text. */
export type Query = <Row extends object>(statement: string, parameters?: readonly unknown[]) => Promise<Row[]>;

const conflictAttempts = 5;

/**
 * A pool of connections. Throws DATABASE_UNAVAILABLE for everything that is the connection's or the server's fault,
 * the driver's `DatabaseError` for a statement that is wrong.
 *
 * Statements are not prepared by name. Named ones need a session of their own a connection, which PgBouncer's
 * transaction mode and PGlite do not give, and would keep the plan made for empty tables while a stage of 100,000 tasks
 * grows in them. PgBouncer needs the two time limits in its ignore_startup_parameters.
 */
export class Database {
  /** For what needs a connection of its own, e.g. COPY. Its errors are the driver's. */
  readonly pool: pg.Pool;

  constructor(config: PostgresConfig) {
    const statementTimeoutMs = config.statementTimeoutMs ?? 30_000;
    this.pool = new pg.Pool({
      ...clientConfig(config),
      max: config.poolSize ?? 10,
      idleTimeoutMillis: 30_000,
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: 2 * statementTimeoutMs,
      // For a server that is gone and cannot keep the limit itself: the connection is given up.
      query_timeout: statementTimeoutMs + 5_000,
    });
    // A connection that breaks rejects what runs on it and is replaced by the pool; without listeners, on the pool for
    // idle ones and on the client for ones in use, it would also end the process.
    this.pool.on('error', () => {});
    this.pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** One statement, which is its own transaction. */
  readonly query: Query = <Row extends object>(statement: string, parameters: readonly unknown[] = []) =>
    retryConflicts(() => this.#withClient((client) => run<Row>(client, statement, parameters)));

  /**
   * Runs `work` in one transaction at READ COMMITTED; what it throws undoes everything. It may run several times, and
   * must use nothing of the database but the query function it is given.
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return retryConflicts(() => this.#withClient((client) => inTransaction(client, work)));
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect().catch((error: unknown) => {
      throw mapDatabaseError(error);
    });
    let broken = false;
    try {
      return await work(client);
    } catch (error) {
      broken = isUnavailable(error);
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

async function run<Row extends object>(
  client: pg.ClientBase,
  statement: string,
  parameters: readonly unknown[],
): Promise<Row[]> {
  try {
    // Without parameters the simple protocol, which takes several statements at once.
    const result = parameters.length > 0 ? client.query<Row>(statement, [...parameters]) : client.query<Row>(statement);
    return (await result).rows;
  } catch (error) {
    throw mapDatabaseError(error);
  }
}

async function inTransaction<T>(client: pg.ClientBase, work: (query: Query) => Promise<T>): Promise<T> {
  await run(client, 'BEGIN ISOLATION LEVEL READ COMMITTED', []);
  try {
    const result = await work((statement, parameters = []) => run(client, statement, parameters));
    await run(client, 'COMMIT', []);
    return result;
  } catch (error) {
    // A broken connection is closed, which undoes as well; asking it for more could take until its time limit.
    if (!isUnavailable(error)) await run(client, 'ROLLBACK', []);
    throw error;
  }
}

async function retryConflicts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = conflictAttempts - 1; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || !isConflict(error)) throw error;
    }
  }
}
