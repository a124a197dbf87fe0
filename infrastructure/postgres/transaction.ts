import type pg from 'pg';

/** Runs one statement and returns its rows. JSON goes in as text. */
export type Run = <Row extends object>(statement: string, parameters?: readonly unknown[]) => Promise<Row[]>;

export interface TransactionOptions {
  /** Statements that begin it. What they set is LOCAL: the pool's connections, or PgBouncer's, serve others too. */
  readonly begin: string;
  readonly statementTimeoutMs: number;
}

/** More than the server's own limit: for one that is gone and cannot keep it. */
const patienceMs = 5_000;

/** Runs `work` in one transaction, which is undone when it throws. Throws what it throws, and the driver's errors. */
export async function inTransaction<T>(
  pool: pg.Pool,
  { begin, statementTimeoutMs }: TransactionOptions,
  work: (run: Run, client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  const run: Run = async <Row extends object>(text: string, parameters: readonly unknown[] = []) => {
    const query = { text, values: [...parameters], query_timeout: statementTimeoutMs + patienceMs };
    return (await client.query<Row>(query)).rows;
  };
  let broken = false;
  try {
    await client.query(begin);
    const result = await work(run, client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
