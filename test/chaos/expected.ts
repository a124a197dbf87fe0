import type { JsonObject } from '../../core/json.ts';
import type { JobEnd } from '../../core/states.ts';
import { failsIn, type Work, worked } from './jobs.ts';

/** A job of a trial: what is submitted, and what its handlers deserve. */
export interface TrialJob {
  readonly jobType: string;
  readonly body: JsonObject;
  /** What a run of it must come to that nobody cancels. */
  readonly deserved: (run: number) => Expectation;
}

export interface Expectation {
  readonly status: JobEnd;
  /** The stored result; null for a job that fails. */
  readonly result: JsonObject | null;
  /** Codes the job's error may have; empty for a job that does not fail. */
  readonly codes: readonly string[];
  /** Tasks of each stage the job must come to. */
  readonly tasks: readonly number[];
  /** Name and content of the blobs its tasks leave. */
  readonly blobs: Readonly<Record<string, string>>;
}

interface Counts {
  readonly stages: number;
  readonly completed: number;
  readonly failed?: number;
}

interface Common {
  readonly seed: number;
  readonly name: string;
  readonly width: number;
  readonly ms: number;
}

export function wideJob(common: Common): TrialJob {
  const first = worked(common.seed);
  const sum = sumOf(Array.from({ length: common.width }, (_, index) => worked(first + index)));
  return completed('chaos_wide', { ...common }, sum, [1, common.width, 1]);
}

export function deepJob(common: Common): TrialJob {
  const values = Array.from({ length: common.width }, (_, index) => {
    let value = common.seed + index;
    for (let stage = 1; stage <= 8; stage += 1) value = worked(value);
    return value;
  });
  return completed(
    'chaos_deep',
    { ...common },
    sumOf(values),
    Array.from({ length: 8 }, () => common.width),
  );
}

export function emptyJob(common: Common): TrialJob {
  return completed('chaos_empty', { ...common }, worked(common.seed), [1, 0, 0]);
}

export function unplannableJob(common: Common): TrialJob {
  return failed('chaos_unplannable', { ...common }, ['PLAN_INVALID'], [1]);
}

/** Fails when a task fails for good, and else completes, however often its tasks are tried again. */
export function strictJob(seed: number, name: string, tasks: readonly Work[]): TrialJob {
  const jobType = 'chaos_strict';
  const good = completion(jobType, sumOf(tasks.map(({ value }) => worked(value))), [tasks.length, 1]);
  const bad = failure(['RASTER_UNSUPPORTED'], [tasks.length]);
  return {
    jobType,
    body: { seed, name, tasks: [...tasks] },
    deserved: (run) => (tasks.some((work) => failsIn(work, run)) ? bad : good),
  };
}

export function lenientJob(seed: number, name: string, tasks: readonly Work[]): TrialJob {
  const deserved = (run: number) => lenientEnd(tasks, run);
  return { jobType: 'chaos_lenient', body: { seed, name, tasks: [...tasks] }, deserved };
}

function lenientEnd(tasks: readonly Work[], run: number): Expectation {
  const good = tasks.filter((work) => !failsIn(work, run));
  const lost = tasks.length - good.length;
  if (good.length === 0) return failure(['ALL_TASKS_FAILED'], [tasks.length]);
  const sum = sumOf(good.map(({ value }) => worked(value)));
  const counts = { stages: 2, completed: good.length + 1, failed: lost };
  return {
    status: lost > 0 ? 'completed_with_errors' : 'completed',
    result: resultOf('chaos_lenient', sum, counts),
    codes: [],
    tasks: [tasks.length, 1],
    blobs: {},
  };
}

/** Its attempts are used up by failures and by the deaths of workers alike, and by what the database did not answer. */
export function exhaustedJob(seed: number, name: string, tasks: readonly Work[]): TrialJob {
  const codes = ['GDAL_FAILED', 'WORKER_LOST', 'DATABASE_UNAVAILABLE'];
  return failed('chaos_exhausted', { seed, name, tasks: [...tasks] }, codes, [tasks.length]);
}

export function finalizedJob(
  seed: number,
  name: string,
  tasks: readonly Work[],
  finalize: { readonly finalizeFailures: number; readonly finalizeMs: number },
): TrialJob {
  const job = completed(
    'chaos_finalized',
    { seed, name, tasks: [...tasks], ...finalize },
    sumOf(tasks.map(({ value }) => worked(value))),
    [tasks.length],
  );
  const blobs = tasks.flatMap(({ blob, value }) =>
    blob === undefined ? [] : [[blob, String(worked(value))] as const],
  );
  return { ...job, deserved: (run) => ({ ...job.deserved(run), blobs: Object.fromEntries(blobs) }) };
}

function completed(jobType: string, body: JsonObject, sum: number, tasks: readonly number[]): TrialJob {
  return { jobType, body, deserved: () => completion(jobType, sum, tasks) };
}

function failed(jobType: string, body: JsonObject, codes: readonly string[], tasks: readonly number[]): TrialJob {
  return { jobType, body, deserved: () => failure(codes, tasks) };
}

function completion(jobType: string, sum: number, tasks: readonly number[]): Expectation {
  const result = resultOf(jobType, sum, { stages: tasks.length, completed: sumOf(tasks) });
  return { status: 'completed', result, codes: [], tasks, blobs: {} };
}

function failure(codes: readonly string[], tasks: readonly number[]): Expectation {
  return { status: 'failed', result: null, codes, tasks, blobs: {} };
}

function resultOf(jobType: string, sum: number, { stages, completed: good, failed: bad = 0 }: Counts): JsonObject {
  return {
    job_type: jobType,
    sum,
    stages_completed: stages,
    total_tasks_executed: good + bad,
    tasks_by_status: { completed: good, failed: bad },
  };
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
