import type { JobRecord, StageRecord, StageRef } from '../../core/ports/state-store.ts';
import { Batcher } from './batcher.ts';
import type { Database } from './database.ts';
import { isDataError } from './errors.ts';
import { type JobRow, jobRecord, type StageRow, stageRecord } from './rows.ts';
import { query } from './sql-files.ts';

const sql = {
  getJobs: query('get_jobs'),
  getStages: query('get_stages'),
  markJobsPublished: query('mark_jobs_published'),
  markTasksPublished: query('mark_tasks_published'),
};

/** Of jobs: each may bring a megabyte of parameters and another of results. */
const maxJobs = 32;
const maxStages = 200;

export interface RunRef {
  readonly jobId: string;
  readonly run: number;
}

export function jobReads(database: Database): Batcher<string, JobRecord | null> {
  return new Batcher({
    maxItems: maxJobs,
    sameKey: 'share',
    keyOf: (jobId) => jobId,
    isItemError: isDataError,
    async run(ids) {
      const rows = await database.query<JobRow>(sql.getJobs, [ids]);
      const jobs = new Map(rows.map((row) => [row.job_id, jobRecord(row)]));
      return ids.map((id) => jobs.get(id) ?? null);
    },
  });
}

export function stageReads(database: Database): Batcher<RunRef, readonly StageRecord[]> {
  return new Batcher({
    maxItems: maxStages,
    sameKey: 'share',
    keyOf: ({ jobId, run }) => `${jobId}/${run}`,
    isItemError: isDataError,
    async run(refs) {
      const columns = [refs.map(({ jobId }) => jobId), refs.map(({ run }) => run)];
      const rows = await database.query<StageRow & { readonly ord: number }>(sql.getStages, columns);
      const stages = Map.groupBy(rows, ({ ord }) => ord);
      return refs.map((_, index) => (stages.get(index + 1) ?? []).map(stageRecord));
    },
  });
}

export function jobMarks(database: Database): Batcher<StageRef, void> {
  return new Batcher<StageRef, void>({
    maxItems: maxStages,
    sameKey: 'share',
    keyOf: stageKey,
    isItemError: isDataError,
    async run(refs) {
      await database.query(sql.markJobsPublished, stageColumns(refs));
      return refs.map(() => undefined);
    },
  });
}

interface TaskMark extends StageRef {
  readonly published: number;
}

export function taskMarks(database: Database): Batcher<TaskMark, void> {
  return new Batcher<TaskMark, void>({
    maxItems: maxStages,
    sameKey: 'wait',
    keyOf: stageKey,
    isItemError: isDataError,
    async run(marks) {
      await database.query(sql.markTasksPublished, [...stageColumns(marks), marks.map(({ published }) => published)]);
      return marks.map(() => undefined);
    },
  });
}

export function stageColumns(refs: readonly StageRef[]): [string[], number[], number[]] {
  return [refs.map(({ jobId }) => jobId), refs.map(({ run }) => run), refs.map(({ stage }) => stage)];
}

export function stageKey(ref: StageRef): string {
  return `${ref.jobId}/${ref.run}/${ref.stage}`;
}
