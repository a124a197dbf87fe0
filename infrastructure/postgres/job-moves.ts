import type { JobRecord, NewJob, NewStage, StageOutcome, StageRef, StateStore } from '../../core/ports/state-store.ts';
import { Batcher, type BatcherOptions } from './batcher.ts';
import type { Database } from './database.ts';
import { isDataError } from './errors.ts';
import { stageColumns } from './job-batches.ts';
import { type JobRow, jobRecord } from './rows.ts';
import { query } from './sql-files.ts';

const sql = {
  submitJobs: query('submit_jobs'),
  createStages: query('create_stages'),
  advanceJobs: query('advance_jobs'),
  completeJobs: query('complete_jobs'),
};

/** What changes a job, put together: each batch holds its jobs' rows until it is committed, so two of one job wait. */
const together = { maxItems: 64, maxWeight: 4 * 1024 * 1024, sameKey: 'wait', isItemError: isDataError } as const;

export interface Begin {
  readonly job: NewJob;
  /** As JSON. */
  readonly parameters: string;
  readonly force: boolean;
}

/** A stage with its tasks' keys, and their inputs as JSON. */
export interface Creation {
  readonly ref: StageRef;
  readonly stage: NewStage;
  readonly keys: readonly string[];
  readonly inputs: readonly string[];
}

export interface Completion {
  readonly ref: StageRef;
  readonly end: Parameters<StateStore['finishJob']>[1];
  /** As JSON; null for none. */
  readonly result: string | null;
}

type Run = Database['query'];
type Moves<Item, Outcome> = BatcherOptions<Item, Outcome>['run'];

/** The jobs whose run begins; null for one that stays as it is. */
export function jobBegins(database: Database): Batcher<Begin, JobRecord | null> {
  return new Batcher<Begin, JobRecord | null>({
    ...together,
    keyOf: ({ job }) => job.jobId,
    weightOf: ({ parameters }) => parameters.length,
    run: beginJobs(database.query, false),
  });
}

export function beginJobs(run: Run, force: boolean): Moves<Begin, JobRecord | null> {
  return async (begins) => {
    const jobs = begins.map(({ job }) => job);
    const rows = await run<JobRow>(sql.submitJobs, [
      jobs.map(({ jobId }) => jobId),
      jobs.map(({ jobType }) => jobType),
      jobs.map(({ totalStages }) => totalStages),
      begins.map(({ parameters }) => parameters),
      jobs.map(({ metadata }) => JSON.stringify(metadata)),
      jobs.map(({ correlationId }) => correlationId),
      force,
    ]);
    const begun = new Map(rows.map((row) => [row.job_id, jobRecord(row)]));
    return jobs.map(({ jobId }) => begun.get(jobId) ?? null);
  };
}

/** Null for a stage of a job that is elsewhere, or whose run takes over from another. */
export function stageCreations(database: Database): Batcher<Creation, StageOutcome | null> {
  return new Batcher<Creation, StageOutcome | null>({
    ...together,
    keyOf: ({ ref }) => ref.jobId,
    weightOf: ({ inputs }) => inputs.reduce((sum, input) => sum + input.length, 0),
    run: createStages(database.query),
  });
}

export function createStages(run: Run): Moves<Creation, StageOutcome | null> {
  return async (creations) => {
    const stages = creations.map(({ stage }) => stage);
    const rows = await run<{ readonly ord: number; readonly made: boolean }>(sql.createStages, [
      ...stageColumns(creations.map(({ ref }) => ref)),
      stages.map(({ name }) => name),
      stages.map(({ handler }) => handler),
      stages.map(({ parallelism }) => parallelism),
      stages.map(({ policy }) => policy),
      creations.map(({ keys }) => keys.length),
      creations.flatMap(({ keys }, index) => keys.map(() => index + 1)),
      creations.flatMap(({ keys }) => keys.map((_, number) => number)),
      creations.flatMap(({ keys }) => keys),
      creations.flatMap(({ inputs }) => inputs),
    ]);
    const outcomes = new Map(rows.map(({ ord, made }) => [ord, made ? 'created' : 'exists'] as const));
    return creations.map((_, index) => outcomes.get(index + 1) ?? null);
  };
}

/** True for the stages that are closed by this. */
export function jobAdvances(database: Database): Batcher<StageRef, boolean> {
  return new Batcher<StageRef, boolean>({
    ...together,
    keyOf: ({ jobId }) => jobId,
    async run(refs) {
      return placesOf(refs, await database.query(sql.advanceJobs, stageColumns(refs)));
    },
  });
}

/** True for the jobs that are ended by this: all of their end in one statement. False when it is not the plain case. */
export function jobCompletions(database: Database): Batcher<Completion, boolean> {
  return new Batcher<Completion, boolean>({
    ...together,
    keyOf: ({ ref }) => ref.jobId,
    weightOf: ({ result }) => result?.length ?? 0,
    async run(completions) {
      const rows = await database.query<Place>(sql.completeJobs, [
        ...stageColumns(completions.map(({ ref }) => ref)),
        completions.map(({ end }) => end.status),
        completions.map(({ result }) => result),
        completions.map(({ end }) => end.error && JSON.stringify(end.error)),
        completions.map(({ end }) => end.callback),
      ]);
      return placesOf(completions, rows);
    },
  });
}

interface Place {
  readonly ord: number;
}

/** Which of the items are named by their place, from 1. */
function placesOf(items: readonly unknown[], rows: readonly Place[]): boolean[] {
  const places = new Set(rows.map(({ ord }) => ord));
  return items.map((_, index) => places.has(index + 1));
}
