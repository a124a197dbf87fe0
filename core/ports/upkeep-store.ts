import type { ErrorRecord } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { JobRecord, StageRef, TaskRef } from './state-store.ts';

/** What can be told of a job in its timeline. */
export const jobEventNames = [
  'job_created',
  'job_rerun',
  'plan_retried',
  'stage_started',
  'stage_completed',
  'finalize_retried',
  'task_retried',
  'task_failed',
  'lease_lost',
  'job_completed',
  'job_completed_with_errors',
  'job_failed',
  'job_cancelled',
  'callback_delivered',
] as const;

export type JobEventName = (typeof jobEventNames)[number];

export interface JobEvent {
  /** Rises within a job. */
  readonly id: number;
  readonly at: Date;
  readonly event: JobEventName;
  readonly run: number;
  readonly stage: number | null;
  readonly task: number | null;
  readonly attempt: number | null;
  readonly detail: JsonObject | null;
}

/** How a run ended, as its completion callback tells it. */
export type RunEnd = Pick<JobRecord, 'jobId' | 'jobType' | 'run' | 'stage' | 'status' | 'result'>;

export interface UpkeepRunRecord {
  readonly id: number;
  readonly run: string;
  readonly worker: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly scanned: number;
  readonly fixed: number;
  readonly actions: readonly string[];
  readonly error: ErrorRecord | null;
}

export type NewUpkeepRun = Omit<UpkeepRunRecord, 'id' | 'startedAt'>;

/** How long something may take, by the name of its job type or handler. */
export type TimeLimits = readonly { readonly name: string; readonly limitMs: number }[];

/** An attempt that the reconciler may have to end, and what is told of it then. */
export interface HeldTask extends TaskRef {
  readonly attempt: number;
  readonly key: string;
  readonly jobType: string;
  readonly stageName: string;
  readonly handler: string;
  /** Who makes the attempt. */
  readonly worker: string;
  /** When it began. */
  readonly claimedAt: Date;
  readonly correlationId: string;
}

/** The reconciler's side of the state store. Finders return at most `limit` rows, oldest first. */
export interface UpkeepStore {
  findJobsToPublish(
    age: { readonly unsentMs: number; readonly unansweredMs: number },
    limit: number,
  ): Promise<readonly (StageRef & { readonly correlationId: string })[]>;
  findStagesToPublish(
    unsentMs: number,
    limit: number,
  ): Promise<
    readonly (StageRef & { readonly published: number; readonly total: number; readonly correlationId: string })[]
  >;
  /**
   * Queued or retrying tasks that are due, whose last message is older and was lost by the look of it: nobody works on
   * anything, or on a task whose message was sent later. After `certainMs`, all of them. Marked as sent again.
   */
  takeTasksToPublish(
    age: { readonly unansweredMs: number; readonly certainMs: number },
    limit: number,
  ): Promise<readonly (TaskRef & { readonly attempt: number; readonly correlationId: string })[]>;
  /**
   * Processing tasks whose lease has run out, and to whom no message was sent since, or one that is older than
   * `unansweredMs`. Marked as sent again. `orphaned`: their job has ended.
   */
  takeExpiredLeases(
    unansweredMs: number,
    limit: number,
  ): Promise<readonly (HeldTask & { readonly orphaned: boolean })[]>;
  /**
   * Current stages that were not advanced: without an open task, the last of which ended that long ago; or of policy
   * `fail` with a task that failed that long ago.
   */
  findStagesToClose(olderThanMs: number, limit: number): Promise<readonly StageRef[]>;
  /**
   * Runs that ended that long ago and whose completion callback is due, whether or not another run followed; without
   * their results, which may be large.
   */
  findCallbacksDue(olderThanMs: number, limit: number): Promise<readonly Pick<JobRecord, 'jobId' | 'run'>[]>;
  /** One of them; null when its callback is not due any more. */
  getDueCallback(jobId: string, run: number): Promise<RunEnd | null>;
  /** Active jobs that were started longer ago than their type allows; `otherMs` for types not among them. */
  findOverdueJobs(limits: TimeLimits, otherMs: number, limit: number): Promise<readonly JobRecord[]>;
  /** Tasks whose current attempt takes longer than their handler allows. */
  findOverdueTasks(limits: TimeLimits, limit: number): Promise<readonly HeldTask[]>;
  /** Workers whose connection to the store has been gone for so long: their leases end now. Their names, each once. */
  endLeasesOfDeadWorkers(goneMs: number): Promise<readonly string[]>;
  /**
   * Of the first `jobs` that deleteEndedJobs would remove, removes tasks and events, at most `rows` of either; how many
   * of both. When it is less than `rows`, none is left.
   */
  emptyEndedJobs(olderThanDays: number, jobs: number, rows: number): Promise<number>;
  /** Removes jobs that ended so long ago and have no tasks left, but for those whose callback is due; their ids. */
  deleteEndedJobs(olderThanDays: number, limit: number): Promise<readonly string[]>;
  recordUpkeepRun(run: NewUpkeepRun): Promise<void>;
  /** Newest first. */
  listUpkeepRuns(filter: {
    readonly run?: string;
    readonly fixedOnly?: boolean;
    readonly after?: number;
    readonly limit: number;
  }): Promise<readonly UpkeepRunRecord[]>;
  deleteUpkeepRuns(olderThanDays: number): Promise<void>;
}
