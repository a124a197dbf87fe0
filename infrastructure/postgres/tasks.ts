import type { ErrorRecord } from '../../core/errors.ts';
import type { JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { StateStore } from '../../core/ports/state-store.ts';
import type { Database } from './database.ts';
import { refParameters } from './jobs.ts';
import { type TaskRow, taskRecord } from './rows.ts';
import { query } from './sql-files.ts';
import { attemptEnds, ending, openTaskProbes, taskClaims } from './task-batches.ts';

const sql = {
  listTasks: query('list_tasks'),
  renewLease: query('renew_lease'),
  resultPage: query('result_page'),
  firstFailure: query('first_failure'),
};

type TaskMethods =
  | 'listTasks'
  | 'claimTask'
  | 'renewLease'
  | 'endAttempt'
  | 'hasOpenTasks'
  | 'resultPage'
  | 'firstFailure';

/** The methods of the store that are about single tasks. */
export function taskStore(database: Database): Pick<StateStore, TaskMethods> {
  const claims = taskClaims(database);
  const ends = attemptEnds(database);
  const probes = openTaskProbes(database);
  return {
    claimTask: (ref, claim) => claims({ ref, ...claim }),
    endAttempt: (ref, attempt, end) => ends.do(ending(ref, attempt, end)),
    hasOpenTasks: (ref) => probes.do(ref),
    async listTasks(jobId, run, { stage = null, status = null, after, limit }) {
      const cursor = [after?.stage ?? null, after?.task ?? null];
      const rows = await database.query<TaskRow>(sql.listTasks, [jobId, run, stage, status, ...cursor, limit]);
      return rows.map((row) => taskRecord(jobId, row));
    },
    async renewLease(ref, { attempt, leaseMs, progress }) {
      const parameters = [...refParameters(ref), ref.task, attempt, leaseMs, progress];
      const [held] = await database.query<{ readonly is_current: boolean }>(sql.renewLease, parameters);
      if (!held) return 'lost';
      return held.is_current ? 'held' : 'cancelled';
    },
    async resultPage(ref, after, limit) {
      const rows = await database.query<{
        readonly task: number;
        readonly task_key: string;
        readonly result: JsonValue;
      }>(sql.resultPage, [...refParameters(ref), after, limit, limits.resultPageBytes]);
      return rows.map((row) => ({ number: row.task, key: row.task_key, output: row.result }));
    },
    async firstFailure(ref) {
      const [row] = await database.query<{
        readonly task: number;
        readonly task_key: string;
        readonly error: ErrorRecord;
      }>(sql.firstFailure, refParameters(ref));
      return row ? { task: row.task, key: row.task_key, error: row.error } : null;
    },
  };
}
