import { taskIdOf } from '../../core/ids.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import type { JobRecord, JobSummary, StageRecord, TaskRecord } from '../../core/ports/state-store.ts';
import { isActive } from '../../core/states.ts';

/** A job with its stages, as `GET jobs/status/{job_id}` shows it. */
export function jobStatus(
  job: JobRecord,
  stages: readonly StageRecord[],
  definition: JobDefinition | null,
): JsonObject {
  return {
    job_id: job.jobId,
    job_type: job.jobType,
    status: job.status,
    run: job.run,
    stage: job.stage,
    total_stages: job.totalStages,
    current_stage: definition?.stages[job.stage - 1]?.name ?? stages.at(-1)?.name ?? null,
    stages: stageViews(stages, definition),
    progress: progressOf(job, stages),
    parameters: job.parameters,
    stage_history: stages.map(historyEntry),
    ...(job.result && { result_data: job.result }),
    ...(job.error && { error: { ...job.error, details: job.error.details?.map((detail) => ({ ...detail })) } }),
    ...times(job),
  };
}

/** One line of a job list. */
export function jobSummary(job: JobSummary): JsonObject {
  return {
    job_id: job.jobId,
    job_type: job.jobType,
    status: job.status,
    run: job.run,
    stage: job.stage,
    total_stages: job.totalStages,
    ...(job.error && { error: { code: job.error.code, message: job.error.message } }),
    ...times(job),
  };
}

export function taskView(task: TaskRecord): JsonObject {
  return {
    task_id: taskIdOf(task.jobId, task.stage, task.key),
    stage: task.stage,
    task: task.task,
    key: task.key,
    task_type: task.handler,
    status: task.status,
    attempt: task.attempt,
    progress: task.progress,
    worker: task.worker,
    error: task.error ? { code: task.error.code, message: task.error.message } : null,
    created_at: task.createdAt.toISOString(),
    started_at: task.startedAt?.toISOString() ?? null,
    completed_at: task.completedAt?.toISOString() ?? null,
    duration_seconds: secondsBetween(task.startedAt, task.completedAt),
  };
}

function stageViews(stages: readonly StageRecord[], definition: JobDefinition | null): JsonObject[] {
  const planned = stages.map((stage) => ({
    number: stage.number,
    name: stage.name,
    task_type: stage.handler,
    parallelism: stage.parallelism,
    ...stage.counts,
  }));
  const none = { total: 0, queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  const ahead = (definition?.stages ?? []).slice(planned.length).map((stage) => ({
    number: stage.number,
    name: stage.name,
    task_type: stage.handler.name,
    parallelism: stage.parallelism,
    ...none,
  }));
  return [...planned, ...ahead];
}

/** Stages count alike; within the current one its tasks count alike, running ones by what they reported. */
function progressOf(job: JobRecord, stages: readonly StageRecord[]): number {
  if (job.status === 'completed' || job.status === 'completed_with_errors') return 1;
  const current = stages.find((stage) => stage.number === job.stage);
  const within = current ? stageProgress(current) : 0;
  return Math.round(((job.stage - 1 + within) / job.totalStages) * 100_000) / 100_000;
}

function stageProgress({ counts, runningProgress }: StageRecord): number {
  if (counts.total === 0) return 0;
  const ended = counts.completed + counts.failed + counts.cancelled;
  return (ended + counts.processing * (runningProgress ?? 0)) / counts.total;
}

function historyEntry(stage: StageRecord): JsonObject {
  return {
    stage_n: stage.number,
    stage: stage.name,
    task_count: stage.counts.total,
    status: historyStatus(stage),
    completed_at: stage.completedAt?.toISOString() ?? null,
    duration_seconds: secondsBetween(stage.startedAt, stage.completedAt ?? new Date()),
  };
}

function historyStatus({ completedAt, counts, policy }: StageRecord): string {
  if (!completedAt) return 'processing';
  if (counts.failed > 0) return policy === 'fail' || counts.completed === 0 ? 'failed' : 'completed_with_errors';
  return counts.cancelled > 0 ? 'cancelled' : 'completed';
}

function times(job: JobSummary): JsonObject {
  const end = isActive(job.status) ? new Date() : job.completedAt;
  return {
    created_at: job.createdAt.toISOString(),
    started_at: job.startedAt?.toISOString() ?? null,
    completed_at: job.completedAt?.toISOString() ?? null,
    updated_at: job.updatedAt.toISOString(),
    duration_seconds: secondsBetween(job.startedAt, end),
  };
}

function secondsBetween(start: Date | null, end: Date | null): number | null {
  return start && end ? Math.max(0, (end.getTime() - start.getTime()) / 1000) : null;
}
