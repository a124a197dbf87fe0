import type { ErrorRecord } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type {
  FailurePolicy,
  JobRecord,
  JobSummary,
  Parallelism,
  StageRecord,
  StageRef,
  TaskRecord,
} from '../../core/ports/state-store.ts';
import type { JobEvent, JobEventName, UpkeepRunRecord } from '../../core/ports/upkeep-store.ts';
import type { JobStatus, TaskStatus } from '../../core/states.ts';

/** A row of app.jobs as the driver gives it: json decoded, times as dates, bigint as text. */
export interface JobRow {
  readonly id: string;
  readonly job_id: string;
  readonly job_type: string;
  readonly status: JobStatus;
  readonly run: number;
  readonly stage: number;
  readonly total_stages: number;
  readonly taken_over_run: number | null;
  readonly parameters: JsonObject;
  readonly metadata: JsonObject;
  readonly result: JsonObject | null;
  readonly error: ErrorRecord | null;
  readonly correlation_id: string;
  readonly message_sent_at: Date | null;
  readonly callback_due: boolean;
  readonly callback_delivered_at: Date | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly completed_at: Date | null;
  readonly updated_at: Date;
}

/** What sql/queries/list_jobs.sql returns. */
export type JobSummaryRow = Omit<
  JobRow,
  | 'id'
  | 'taken_over_run'
  | 'parameters'
  | 'metadata'
  | 'result'
  | 'message_sent_at'
  | 'callback_due'
  | 'callback_delivered_at'
>;

/** What sql/queries/get_stages.sql returns. */
export interface StageRow {
  readonly stage: number;
  readonly name: string;
  readonly handler: string;
  readonly parallelism: Parallelism;
  readonly policy: FailurePolicy;
  readonly published_count: number;
  readonly started_at: Date;
  readonly completed_at: Date | null;
  readonly total: number;
  readonly queued: number;
  readonly processing: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly running_progress: number | null;
}

/** What sql/queries/list_tasks.sql returns. */
export interface TaskRow {
  readonly run: number;
  readonly stage: number;
  readonly task: number;
  readonly task_key: string;
  readonly handler: string;
  readonly status: TaskStatus;
  readonly attempt: number;
  readonly progress: number | null;
  readonly worker: string | null;
  readonly error: ErrorRecord | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly handed_back: number;
}

/** A row of app.job_events. */
export interface EventRow {
  readonly id: string;
  readonly at: Date;
  readonly run: number;
  readonly stage: number | null;
  readonly task: number | null;
  readonly attempt: number | null;
  readonly event: JobEventName;
  readonly detail: JsonObject | null;
}

/** A row of app.upkeep_runs. */
export interface UpkeepRow {
  readonly id: string;
  readonly run: string;
  readonly worker: string;
  readonly started_at: Date;
  readonly duration_ms: number;
  readonly scanned: number;
  readonly fixed: number;
  readonly actions: string[];
  readonly error: ErrorRecord | null;
}

/** A stage as the finders return it. */
export interface StageRefRow {
  readonly job_id: string;
  readonly run: number;
  readonly stage: number;
}

export function jobRecord(row: JobRow): JobRecord {
  const { parameters, metadata, result } = row;
  return { ...jobSummary(row), parameters, metadata, result };
}

export function jobSummary(row: JobSummaryRow): JobSummary {
  return {
    jobId: row.job_id,
    jobType: row.job_type,
    status: row.status,
    run: row.run,
    stage: row.stage,
    totalStages: row.total_stages,
    error: row.error,
    correlationId: row.correlation_id,
    createdAt: row.created_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    updatedAt: row.updated_at,
  };
}

/** The stored row for people: snake_case, the result under the name it has everywhere else, times as ISO 8601. */
export function publicJobRow(row: JobRow): JsonObject {
  const { id: _internal, result, ...columns } = row;
  // Through JSON text: dates become ISO 8601 by it.
  return JSON.parse(JSON.stringify({ ...columns, result_data: result }));
}

export function stageRecord(row: StageRow): StageRecord {
  const { name, handler, parallelism, policy, total, queued, processing, completed, failed, cancelled } = row;
  return {
    number: row.stage,
    name,
    handler,
    parallelism,
    policy,
    counts: { total, queued, processing, completed, failed, cancelled },
    published: row.published_count,
    runningProgress: row.running_progress,
    startedAt: row.started_at,
    completedAt: row.completed_at,
  };
}

export function taskRecord(jobId: string, row: TaskRow): TaskRecord {
  const { run, stage, task, handler, status, attempt, progress, worker, error } = row;
  return {
    jobId,
    run,
    stage,
    task,
    key: row.task_key,
    handler,
    status,
    attempt,
    handedBack: row.handed_back,
    progress,
    worker,
    error,
    createdAt: row.created_at,
    startedAt: row.started_at,
    completedAt: row.finished_at,
  };
}

export function jobEvent({ id, at, event, run, stage, task, attempt, detail }: EventRow): JobEvent {
  return { id: Number(id), at, event, run, stage, task, attempt, detail };
}

export function upkeepRun(row: UpkeepRow): UpkeepRunRecord {
  const { run, worker, scanned, fixed, actions, error } = row;
  const times = { startedAt: row.started_at, durationMs: row.duration_ms };
  return { id: Number(row.id), run, worker, ...times, scanned, fixed, actions, error };
}

export function stageRef(row: StageRefRow): StageRef {
  return { jobId: row.job_id, run: row.run, stage: row.stage };
}
