import type { ErrorRecord } from '../errors.ts';
import { taskIdOf } from '../ids.ts';
import type { AttemptEnd, ClaimedTask, JobRecord, StageRecord, StageRef, TaskRef } from '../ports/state-store.ts';
import type { HistogramName, Labels } from '../ports/telemetry.ts';
import type { JobEnd } from '../states.ts';
import type { UpkeepReport } from '../upkeep/report.ts';
import type { Engine } from './engine.ts';

/** What the spans and metrics of one attempt are made of. */
interface ObservedAttempt {
  readonly ref: TaskRef;
  readonly claimed: Pick<ClaimedTask, 'key' | 'attempt' | 'jobType' | 'stageName'>;
  readonly stage: { readonly handler: { readonly name: string } };
  readonly correlationId: string;
  /** By the engine's clock, right after the claim. */
  readonly startedAt: number;
  /** Who made it; default: this worker. */
  readonly worker?: string;
}

/** Does the work and records how long it took, under the labels of its outcome, or `outcome: error`. */
export async function timed<T>(
  engine: Engine,
  histogram: HistogramName,
  work: () => Promise<T>,
  labelsOf: (outcome: T) => Labels,
): Promise<T> {
  const started = performance.now();
  let labels: Labels = { outcome: 'error' };
  try {
    const outcome = await work();
    labels = labelsOf(outcome);
    return outcome;
  } finally {
    engine.telemetry.record(histogram, (performance.now() - started) / 1000, labels);
  }
}

export function jobQueued({ telemetry }: Engine, jobType: string): void {
  telemetry.count('coremachine.jobs', { state: 'queued', job_type: jobType });
}

export function tasksQueued({ telemetry }: Engine, jobType: string, taskType: string, tasks: number): void {
  if (tasks > 0)
    telemetry.count('coremachine.tasks', { state: 'queued', job_type: jobType, task_type: taskType }, tasks);
}

export function taskStarted({ telemetry }: Engine, attempt: ObservedAttempt): void {
  telemetry.count('coremachine.tasks', { state: 'processing', ...typesOf(attempt) });
}

/** An attempt is over; null when its lease was lost and its end is another worker's to write. */
export function taskEnded({ telemetry, now, worker }: Engine, attempt: ObservedAttempt, end: AttemptEnd | null): void {
  if (!telemetry.enabled) return;
  const { ref, claimed, startedAt } = attempt;
  const endedAt = now();
  const types = typesOf(attempt);
  const state = end?.status ?? 'lost';
  telemetry.count('coremachine.tasks', { state, ...types });
  telemetry.record('coremachine.task.duration', (endedAt - startedAt) / 1000, { state, ...types });
  const error = errorOf(end);
  if (end?.status === 'retrying') telemetry.count('coremachine.task.retries', { code: end.error.code, ...types });
  telemetry.span({
    of: { kind: 'task', ...ref, attempt: claimed.attempt },
    name: `task ${types.task_type}`,
    startedAt,
    endedAt,
    attributes: {
      ...attributesOf(ref),
      ...types,
      stage_name: claimed.stageName,
      task_id: taskIdOf(ref.jobId, ref.stage, claimed.key),
      attempt: claimed.attempt,
      state,
      worker: attempt.worker ?? worker,
      correlation_id: attempt.correlationId,
    },
    error,
  });
}

/** A stage is over; `error` when its failed tasks ended the job. */
export function stageEnded(
  { telemetry, now }: Engine,
  job: JobRecord,
  ref: StageRef,
  stage: StageRecord,
  error: ErrorRecord | null = null,
): void {
  const { counts, name, handler, startedAt } = stage;
  telemetry.span({
    of: { kind: 'stage', ...ref },
    name: `stage ${name}`,
    startedAt: startedAt.getTime(),
    endedAt: now(),
    attributes: {
      ...attributesOf(ref),
      job_type: job.jobType,
      task_type: handler,
      stage_name: name,
      tasks: counts.total,
      tasks_completed: counts.completed,
      tasks_failed: counts.failed,
    },
    error,
  });
}

/** A job is over, and with it the stage it was at. What cannot be read for it is left out. */
export async function jobEnded(
  engine: Engine,
  job: JobRecord,
  ref: StageRef,
  end: { readonly status: JobEnd; readonly error: ErrorRecord | null },
): Promise<void> {
  const { telemetry, store, now } = engine;
  telemetry.count('coremachine.jobs', { state: end.status, job_type: job.jobType });
  if (!telemetry.enabled) return;
  const stages = await store.getStages(ref.jobId, ref.run).catch((): readonly StageRecord[] => []);
  const last = stages.find(({ number }) => number === ref.stage);
  if (last) stageEnded(engine, job, ref, last, last.counts.failed > 0 ? end.error : null);
  telemetry.span({
    of: { kind: 'job', jobId: ref.jobId, run: ref.run },
    name: `job ${job.jobType}`,
    startedAt: runStart(job, stages),
    endedAt: now(),
    attributes: {
      job_id: ref.jobId,
      run: ref.run,
      job_type: job.jobType,
      state: end.status,
      correlation_id: job.correlationId,
    },
    error: end.error,
  });
}

export function upkeepRan({ telemetry }: Engine, run: string, report: UpkeepReport): void {
  telemetry.count('coremachine.upkeep.fixes', { run }, report.fixed);
}

/** The row keeps the time of the job's first submission; a later run is known to have begun when it was planned. */
function runStart(job: JobRecord, stages: readonly StageRecord[]): number {
  if (job.run === 1) return job.createdAt.getTime();
  return (job.startedAt ?? stages[0]?.startedAt ?? job.updatedAt).getTime();
}

function errorOf(end: AttemptEnd | null): Pick<ErrorRecord, 'code' | 'message'> | null {
  if (end === null) return { code: 'WORKER_LOST', message: 'the lease ran out and may be held by another worker' };
  return end.status === 'completed' ? null : end.error;
}

function typesOf({ claimed, stage }: ObservedAttempt) {
  return { job_type: claimed.jobType, task_type: stage.handler.name };
}

function attributesOf({ jobId, run, stage }: StageRef) {
  return { job_id: jobId, run, stage };
}
