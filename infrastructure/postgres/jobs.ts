import type { JobRecord, StageRef, StateStore, SubmitOutcome } from '../../core/ports/state-store.ts';
import type { Database, Query } from './database.ts';
import { jobMarks, jobReads } from './job-batches.ts';
import { type Begin, beginJobs, jobAdvances, jobBegins, jobCompletions } from './job-moves.ts';
import type { LateMarks } from './late-marks.ts';
import { type EventRow, type JobRow, type JobSummaryRow, jobEvent, jobRecord, jobSummary } from './rows.ts';
import { query } from './sql-files.ts';

const sql = {
  retryJob: query('retry_job'),
  getJobs: query('get_jobs'),
  listEvents: query('list_events'),
  listJobs: query('list_jobs'),
  endJob: query('end_job'),
  cancelOpenTasks: query('cancel_open_tasks'),
  closeStage: query('close_stage'),
  markCallbackDelivered: query('mark_callback_delivered'),
};

type JobMethods =
  | 'submitJob'
  | 'retryJob'
  | 'listEvents'
  | 'getJob'
  | 'listJobs'
  | 'markJobPublished'
  | 'advanceJob'
  | 'finishJob'
  | 'markCallbackDelivered';

/** The methods of the store that are about whole jobs. */
export function jobStore(database: Database, late: LateMarks): Pick<StateStore, JobMethods> {
  const reads = jobReads(database);
  const marks = jobMarks(database);
  const begins = jobBegins(database);
  const advances = jobAdvances(database);
  const completions = jobCompletions(database);
  return {
    async submitJob(job, { force }) {
      const begin: Begin = { job, parameters: JSON.stringify(job.parameters), force };
      // In most cases the one statement does it; else it is asked again with the row held still, to be read.
      const begun = force ? null : await begins.do(begin);
      return begun ? { outcome: 'created', job: begun } : database.transaction((tx) => submitJob(tx, begin));
    },
    async retryJob(jobId, { totalStages, correlationId, takeOver }) {
      const [row] = await database.query<JobRow>(sql.retryJob, [jobId, totalStages, correlationId, takeOver]);
      return row ? jobRecord(row) : null;
    },
    async listEvents(jobId, { run = null, after = null, limit }) {
      return (await database.query<EventRow>(sql.listEvents, [jobId, run, after, limit])).map(jobEvent);
    },
    getJob: (jobId) => reads.do(jobId),
    async listJobs({ status = null, jobType = null, since = null, after, limit }) {
      const cursor = [after?.createdAt ?? null, after?.jobId ?? null];
      const rows = await database.query<JobSummaryRow>(sql.listJobs, [status, jobType, since, ...cursor, limit]);
      return rows.map(jobSummary);
    },
    markJobPublished: (ref) => late.do(() => marks.do(ref)),
    advanceJob: (ref) => advances.do(ref),
    async finishJob(ref, end) {
      const result = end.result && JSON.stringify(end.result);
      if (end.error === null && (await completions.do({ ref, end, result }))) return true;
      return database.transaction((tx) => finishJob(tx, ref, end));
    },
    async markCallbackDelivered(jobId, run) {
      await database.query(sql.markCallbackDelivered, [jobId, run]);
    },
  };
}

/** A job's row; null when there is none. */
export async function findJobRow(run: Query, jobId: string): Promise<JobRow | null> {
  const [row] = await run<JobRow>(sql.getJobs, [[jobId]]);
  return row ?? null;
}

async function findJob(run: Query, jobId: string): Promise<JobRecord | null> {
  const row = await findJobRow(run, jobId);
  return row && jobRecord(row);
}

async function submitJob(tx: Query, begin: Begin): Promise<SubmitOutcome> {
  const [begun] = await beginJobs(tx, begin.force)([begin]);
  if (begun) return { outcome: 'created', job: begun };
  const existing = await findJob(tx, begin.job.jobId);
  if (!existing) throw new Error('a job that stood in the way of an insert is not there');
  return { outcome: begin.force ? 'active' : 'existing', job: existing };
}

type Ending = Parameters<StateStore['finishJob']>[1];

/**
 * Three statements, not one: each sees what was committed before it began. A stage that was being made when this began
 * holds the job's row until it is committed, so the second statement sees all of its tasks.
 */
async function finishJob(tx: Query, ref: StageRef, end: Ending): Promise<boolean> {
  const [ended] = await tx<{ readonly id: string }>(sql.endJob, endParameters(ref, end));
  if (!ended) return false;
  const stage = [ended.id, ref.run, ref.stage];
  await tx(sql.cancelOpenTasks, stage);
  await tx(sql.closeStage, stage);
  return true;
}

function endParameters(ref: StageRef, { status, result, error, callback }: Ending): unknown[] {
  return [...refParameters(ref), status, result && JSON.stringify(result), error && JSON.stringify(error), callback];
}

export function refParameters(ref: StageRef): [string, number, number] {
  return [ref.jobId, ref.run, ref.stage];
}
