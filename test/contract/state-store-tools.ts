import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ErrorRecord } from '../../core/errors.ts';
import type {
  AttemptEnd,
  ClaimedTask,
  JobRecord,
  NewJob,
  NewStage,
  NewTask,
  StageRef,
  StateStore,
  TaskRecord,
  TaskRef,
} from '../../core/ports/state-store.ts';
import type { HeldTask } from '../../core/ports/upkeep-store.ts';
import { eventually } from '../tools/poll.ts';

/** One state, seen by two processes. */
export interface StateStorePair {
  readonly store: StateStore;
  readonly other: StateStore;
  close(): Promise<void>;
}

/** How a group of tests gets at the pair, which exists only while tests run. */
export type Stores = () => StateStorePair;

export const failure: ErrorRecord = { code: 'GDAL_FAILED', message: 'the process died' };
export const cancelled: ErrorRecord = { code: 'CANCELLED', message: 'the job was cancelled' };
export const longLease = { worker: 'host:1', leaseMs: 60_000 };

/** Texts that break careless quoting, encoding or array literals. */
export const awkwardTexts = [
  `'; DROP TABLE app.jobs; --`,
  '"double" \\back\\slash\\\\ \\n',
  '{a,b},{NULL}',
  'NULL',
  '',
  ' leading and trailing ',
  'line\nbreak\ttab\r\u2028\u2029',
  'Žluťoučký kůň, 東京都, مرحبا, 🛰️👩‍🚀',
  '$1 $$ %s %% :name ?',
  '\u0001\u001f\u007f',
];

export function newJob(changes: Partial<NewJob> = {}): NewJob {
  return {
    jobId: randomBytes(32).toString('hex'),
    jobType: 'process_raster',
    totalStages: 2,
    parameters: { container_name: 'bronze', blob_name: 'a.tif' },
    metadata: {},
    correlationId: 'request-1',
    ...changes,
  };
}

export function newStage(changes: Partial<NewStage> = {}): NewStage {
  return { name: 'validate', handler: 'validate_raster', parallelism: 'single', policy: 'fail', ...changes };
}

export function newTasks(count: number): NewTask[] {
  return Array.from({ length: count }, (_, number) => ({ key: `tile-${number}`, input: { number } }));
}

export async function submitted(store: StateStore, changes: Partial<NewJob> = {}): Promise<StageRef> {
  const { outcome, job } = await store.submitJob(newJob(changes), { force: false });
  assert.equal(outcome, 'created');
  return { jobId: job.jobId, run: job.run, stage: job.stage };
}

/** A job whose first stage has `count` queued tasks. */
export async function planned(
  store: StateStore,
  count: number,
  options: { readonly job?: Partial<NewJob>; readonly stage?: Partial<NewStage> } = {},
): Promise<StageRef> {
  const ref = await submitted(store, options.job);
  assert.equal(await store.createStage(ref, newStage(options.stage), newTasks(count)), 'created');
  return ref;
}

export async function claimed(store: StateStore, ref: TaskRef, claim = longLease): Promise<ClaimedTask> {
  const outcome = await store.claimTask(ref, claim);
  assert.equal(outcome.kind, 'claimed', JSON.stringify(outcome));
  assert.ok(outcome.kind === 'claimed');
  return outcome.task;
}

/** Asks until the task can be claimed: for leases and retries that are about to run out. */
export function claimedInTime(store: StateStore, ref: TaskRef, claim = longLease): Promise<ClaimedTask> {
  return eventually(async () => {
    const outcome = await store.claimTask(ref, claim);
    return outcome.kind === 'claimed' ? outcome.task : null;
  });
}

/** Claims a task and ends it so. */
export async function run(store: StateStore, ref: TaskRef, end: AttemptEnd = completed(ref.task)): Promise<void> {
  const { attempt } = await claimed(store, ref);
  assert.equal(await store.endAttempt(ref, attempt, end), end.status);
}

export async function runAll(store: StateStore, ref: StageRef, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, task) => run(store, { ...ref, task })));
}

export function completed(result: number | string | null | { readonly [key: string]: string | number }): AttemptEnd {
  return { status: 'completed', result };
}

export function retry(delayMs: number): AttemptEnd {
  return { status: 'retrying', error: failure, delayMs };
}

export async function finished(
  store: StateStore,
  ref: StageRef,
  status: 'completed' | 'completed_with_errors' | 'failed' | 'cancelled' = 'completed',
): Promise<void> {
  const good = status === 'completed' || status === 'completed_with_errors';
  const end = { status, result: good ? { done: true } : null, error: good ? null : failure, callback: false };
  assert.equal(await store.finishJob(ref, end), true);
}

export async function jobOf(store: StateStore, ref: StageRef): Promise<JobRecord> {
  const job = await store.getJob(ref.jobId);
  assert.ok(job);
  return job;
}

export async function taskOf(store: StateStore, ref: TaskRef): Promise<TaskRecord> {
  const tasks = await store.listTasks(ref.jobId, ref.run, { stage: ref.stage, limit: 1000 });
  const task = tasks.find((one) => one.task === ref.task);
  assert.ok(task, `task ${ref.task} is not listed`);
  return task;
}

/** What the reconciler is told of a task in its first attempt. */
export async function heldTask(store: StateStore, ref: TaskRef, names: Partial<HeldTask> = {}): Promise<HeldTask> {
  const { worker, startedAt } = await taskOf(store, ref);
  assert.ok(worker && startedAt);
  const { jobId, run, stage, task } = ref;
  return {
    ...{ jobId, run, stage, task },
    attempt: 1,
    key: `tile-${task}`,
    jobType: 'process_raster',
    stageName: 'validate',
    handler: 'validate_raster',
    worker,
    // Of the first attempt the task's own beginning.
    claimedAt: startedAt,
    correlationId: 'request-1',
    ...names,
  };
}

/** How often each value comes. */
export function tally(values: readonly (string | boolean)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
}

/** Calls `ask` so many times at once, half of them from another process. */
export function atOnce<T>({ store, other }: StateStorePair, times: number, ask: (store: StateStore) => Promise<T>) {
  return Promise.all(Array.from({ length: times }, (_, index) => ask(index % 2 === 0 ? store : other)));
}

export function near(actual: Date, expectedMs: number, withinMs: number): void {
  const off = actual.getTime() - expectedMs;
  assert.ok(Math.abs(off) <= withinMs, `${actual.toISOString()} is ${off} ms off, allowed ${withinMs}`);
}
