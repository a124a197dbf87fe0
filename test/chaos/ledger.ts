import type { Database } from '../../infrastructure/postgres/postgres.ts';

/** One execution, as a handler or `finalize` writes it down. */
export interface Execution {
  readonly jobId: string;
  readonly stage: number;
  /** -1: finalize. */
  readonly task: number;
  readonly attempt: number;
}

export type ExecutionEvent = 'began' | 'done' | 'failed';

/** What handlers did, kept in the database so that it outlives their process. */
export class Ledger {
  readonly worker: string;
  readonly #database: Database;

  constructor(database: Database, worker: string) {
    this.#database = database;
    this.worker = worker;
  }

  async note({ jobId, stage, task, attempt }: Execution, event: ExecutionEvent): Promise<void> {
    await this.#database.query(
      'INSERT INTO chaos.executions (job_id, stage, task, attempt, worker, event) VALUES ($1, $2, $3, $4, $5, $6)',
      [jobId, stage, task, attempt, this.worker, event],
    );
  }

  /** How often this task has failed on purpose so far. */
  async failures({ jobId, stage, task }: Execution): Promise<number> {
    const [row] = await this.#database.query<{ readonly count: number }>(
      `SELECT count(*)::int AS count FROM chaos.executions
       WHERE job_id = $1 AND stage = $2 AND task = $3 AND event = 'failed'`,
      [jobId, stage, task],
    );
    return row?.count ?? 0;
  }

  /** Writes down a call of the completion callback; false when the receiver is to refuse it: the first, on demand. */
  async callback(jobId: string, status: string, result: unknown, refuseFirst: boolean): Promise<boolean> {
    const [row] = await this.#database.query<{ readonly taken: boolean }>(
      `INSERT INTO chaos.callbacks (job_id, status, result, worker, taken)
       SELECT $1, $2, $3, $4, NOT $5 OR EXISTS (SELECT FROM chaos.callbacks WHERE job_id = $1)
       RETURNING taken`,
      [jobId, status, result === null ? null : JSON.stringify(result), this.worker, refuseFirst],
    );
    return row?.taken ?? false;
  }
}
