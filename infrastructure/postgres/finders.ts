import type { StateStore } from '../../core/ports/state-store.ts';
import type { Database } from './database.ts';
import { type JobRow, jobRecord, type StageRefRow, stageRef } from './rows.ts';
import { query } from './sql-files.ts';

const sql = {
  jobsToPublish: query('find_jobs_to_publish'),
  stagesToPublish: query('find_stages_to_publish'),
  tasksToPublish: query('take_tasks_to_publish'),
  expiredLeases: query('find_expired_leases'),
  stagesToClose: query('find_stages_to_close'),
  callbacksDue: query('find_callbacks_due'),
};

interface Correlated extends StageRefRow {
  readonly correlation_id: string;
}

interface FoundTask extends Correlated {
  readonly task: number;
  readonly attempt: number;
}

type FinderMethods =
  | 'findJobsToPublish'
  | 'findStagesToPublish'
  | 'takeTasksToPublish'
  | 'findExpiredLeases'
  | 'findStagesToClose'
  | 'findCallbacksDue';

/** What the reconciler asks for. */
export function finders(database: Database): Pick<StateStore, FinderMethods> {
  return {
    async findJobsToPublish({ unsentMs, unansweredMs }, limit) {
      const rows = await database.query<Correlated>(sql.jobsToPublish, [unsentMs, unansweredMs, limit]);
      return rows.map(correlatedRef);
    },
    async findStagesToPublish(unsentMs, limit) {
      const rows = await database.query<Correlated & { readonly published: number; readonly total: number }>(
        sql.stagesToPublish,
        [unsentMs, limit],
      );
      return rows.map((row) => ({ ...correlatedRef(row), published: row.published, total: row.total }));
    },
    async takeTasksToPublish(unansweredMs, limit) {
      return (await database.query<FoundTask>(sql.tasksToPublish, [unansweredMs, limit])).map(foundTask);
    },
    async findExpiredLeases(limit) {
      const rows = await database.query<FoundTask & { readonly orphaned: boolean }>(sql.expiredLeases, [limit]);
      return rows.map((row) => ({ ...foundTask(row), orphaned: row.orphaned }));
    },
    async findStagesToClose(limit) {
      return (await database.query<StageRefRow>(sql.stagesToClose, [limit])).map(stageRef);
    },
    async findCallbacksDue(olderThanMs, limit) {
      return (await database.query<JobRow>(sql.callbacksDue, [olderThanMs, limit])).map(jobRecord);
    },
  };
}

function correlatedRef(row: Correlated) {
  return { ...stageRef(row), correlationId: row.correlation_id };
}

function foundTask(row: FoundTask) {
  return { ...correlatedRef(row), task: row.task, attempt: row.attempt };
}
