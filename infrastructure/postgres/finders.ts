import type { HeldTask, TimeLimits, UpkeepStore } from '../../core/ports/upkeep-store.ts';
import type { Database } from './database.ts';
import { workerLockClass } from './presence.ts';
import { type JobRow, jobRecord, type StageRefRow, stageRef, type UpkeepRow, upkeepRun } from './rows.ts';
import { query } from './sql-files.ts';

const sql = {
  jobsToPublish: query('find_jobs_to_publish'),
  stagesToPublish: query('find_stages_to_publish'),
  tasksToPublish: query('take_tasks_to_publish'),
  expiredLeases: query('take_expired_leases'),
  stagesToClose: query('find_stages_to_close'),
  callbacksDue: query('find_callbacks_due'),
  dueCallback: query('get_due_callback'),
  overdueJobs: query('find_overdue_jobs'),
  overdueTasks: query('find_overdue_tasks'),
  deadWorkers: query('take_dead_workers'),
  emptyEndedJobs: query('empty_ended_jobs'),
  deleteEndedJobs: query('delete_ended_jobs'),
  insertRun: query('insert_upkeep_run'),
  listRuns: query('list_upkeep_runs'),
  deleteRuns: query('delete_upkeep_runs'),
};

interface Correlated extends StageRefRow {
  readonly correlation_id: string;
}

type RunEndRow = Pick<JobRow, 'job_type' | 'stage' | 'status' | 'result'>;

interface FoundTask extends Correlated {
  readonly task: number;
  readonly attempt: number;
}

interface HeldTaskRow extends FoundTask {
  readonly task_key: string;
  readonly job_type: string;
  readonly stage_name: string;
  readonly handler: string;
  readonly worker: string;
  readonly claimed_at: Date;
}

/** The reconciler's side of the store. */
export function upkeepStore(database: Database): UpkeepStore {
  return { ...finders(database), ...history(database) };
}

type HistoryMethods = 'emptyEndedJobs' | 'deleteEndedJobs' | 'recordUpkeepRun' | 'listUpkeepRuns' | 'deleteUpkeepRuns';

function finders(database: Database): Omit<UpkeepStore, HistoryMethods> {
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
    async takeTasksToPublish({ unansweredMs, certainMs }, limit) {
      return (await database.query<FoundTask>(sql.tasksToPublish, [unansweredMs, certainMs, limit])).map(foundTask);
    },
    async takeExpiredLeases(unansweredMs, limit) {
      const rows = await database.query<HeldTaskRow & { readonly orphaned: boolean }>(sql.expiredLeases, [
        unansweredMs,
        limit,
      ]);
      return rows.map((row) => ({ ...heldTask(row), orphaned: row.orphaned }));
    },
    async findStagesToClose(olderThanMs, limit) {
      return (await database.query<StageRefRow>(sql.stagesToClose, [olderThanMs, limit])).map(stageRef);
    },
    async findCallbacksDue(olderThanMs, limit) {
      const rows = await database.query<Pick<JobRow, 'job_id' | 'run'>>(sql.callbacksDue, [olderThanMs, limit]);
      return rows.map(({ job_id: jobId, run }) => ({ jobId, run }));
    },
    async getDueCallback(jobId, run) {
      const [row] = await database.query<RunEndRow>(sql.dueCallback, [jobId, run]);
      if (!row) return null;
      const { job_type: jobType, stage, status, result } = row;
      return { jobId, jobType, run, stage, status, result };
    },
    async findOverdueJobs(limits, otherMs, limit) {
      return (await database.query<JobRow>(sql.overdueJobs, [...limitColumns(limits), otherMs, limit])).map(jobRecord);
    },
    async findOverdueTasks(limits, limit) {
      return (await database.query<HeldTaskRow>(sql.overdueTasks, [...limitColumns(limits), limit])).map(heldTask);
    },
    async endLeasesOfDeadWorkers(goneMs) {
      const rows = await database.query<{ readonly worker: string }>(sql.deadWorkers, [workerLockClass, goneMs]);
      return rows.map(({ worker }) => worker);
    },
  };
}

function history(database: Database): Pick<UpkeepStore, HistoryMethods> {
  return {
    async emptyEndedJobs(olderThanDays, jobs, rows) {
      const given = [olderThanDays, jobs, rows];
      const [counted] = await database.query<{ readonly removed: number }>(sql.emptyEndedJobs, given);
      return counted?.removed ?? 0;
    },
    async deleteEndedJobs(olderThanDays, limit) {
      const rows = await database.query<{ readonly job_id: string }>(sql.deleteEndedJobs, [olderThanDays, limit]);
      return rows.map(({ job_id }) => job_id);
    },
    async recordUpkeepRun({ run, worker, durationMs, scanned, fixed, actions, error }) {
      const told = [Math.round(durationMs), scanned, fixed, actions, error && JSON.stringify(error)];
      await database.query(sql.insertRun, [run, worker, ...told]);
    },
    async listUpkeepRuns({ run = null, fixedOnly = false, after = null, limit }) {
      return (await database.query<UpkeepRow>(sql.listRuns, [run, fixedOnly, after, limit])).map(upkeepRun);
    },
    async deleteUpkeepRuns(olderThanDays) {
      await database.query(sql.deleteRuns, [olderThanDays]);
    },
  };
}

function limitColumns(limits: TimeLimits): [string[], number[]] {
  return [limits.map(({ name }) => name), limits.map(({ limitMs }) => limitMs)];
}

function correlatedRef(row: Correlated) {
  return { ...stageRef(row), correlationId: row.correlation_id };
}

function foundTask(row: FoundTask) {
  return { ...correlatedRef(row), task: row.task, attempt: row.attempt };
}

function heldTask(row: HeldTaskRow): HeldTask {
  const { task_key: key, job_type: jobType, stage_name: stageName, handler, worker, claimed_at: claimedAt } = row;
  return { ...foundTask(row), key, jobType, stageName, handler, worker, claimedAt };
}
