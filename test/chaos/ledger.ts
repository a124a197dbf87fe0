import type { Database } from '../../infrastructure/postgres/postgres.ts';

/** One execution, as a handler or `finalize` writes it down. */
export interface Execution {
  readonly jobId: string;
  readonly run: number;
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

  async note({ jobId, run, stage, task, attempt }: Execution, event: ExecutionEvent): Promise<void> {
    await this.#database.query(
      `INSERT INTO chaos.executions (job_id, run, stage, task, attempt, worker, event)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [jobId, run, stage, task, attempt, this.worker, event],
    );
  }

  /** The execution's temporary part is gone; and whether that is wrong. */
  async lostPart({ jobId, run, stage, task, attempt }: Execution): Promise<void> {
    await this.#database.query(
      `INSERT INTO chaos.lost_parts (job_id, run, stage, task, attempt, in_force)
       SELECT $1, $2::int, $3::int, $4::int, $5::int, EXISTS (
         SELECT FROM app.jobs j JOIN app.tasks t ON t.job = j.id AND t.run = j.run AND t.stage = j.stage
         WHERE j.job_id = $1 AND j.run = $2::int AND j.stage = $3::int AND j.status = 'processing'
           AND t.task = $4::int AND t.attempt = $5::int AND t.status = 'processing')`,
      [jobId, run, stage, task, attempt],
    );
  }

  /** How often this task has failed on purpose so far, in this run. */
  async failures({ jobId, run, stage, task }: Execution): Promise<number> {
    const [row] = await this.#database.query<{ readonly count: number }>(
      `SELECT count(*)::int AS count FROM chaos.executions
       WHERE job_id = $1 AND run = $2 AND stage = $3 AND task = $4 AND event = 'failed'`,
      [jobId, run, stage, task],
    );
    return row?.count ?? 0;
  }

  /** Writes down a call of the completion callback; false when the receiver is to refuse it: on demand the first of each kind of end. */
  async callback(jobId: string, status: string, result: unknown, refuseFirst: boolean): Promise<boolean> {
    const [row] = await this.#database.query<{ readonly taken: boolean }>(
      `INSERT INTO chaos.callbacks (job_id, status, result, worker, taken)
       SELECT $1, $2, $3, $4, NOT $5 OR EXISTS (SELECT FROM chaos.callbacks WHERE job_id = $1 AND status = $2)
       RETURNING taken`,
      [jobId, status, result === null ? null : JSON.stringify(result), this.worker, refuseFirst],
    );
    return row?.taken ?? false;
  }
}
