import type { ErrorRecord } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import type { StageResult } from '../results.ts';
import type { JobEnd, JobStatus, TaskStatus } from '../states.ts';
import type { JobEvent, UpkeepStore } from './upkeep-store.ts';

/** A job in one of its runs, at one of its stages (from 1). */
export interface StageRef {
  readonly jobId: string;
  readonly run: number;
  readonly stage: number;
}

export interface TaskRef extends StageRef {
  /** Place in the stage, from 0. */
  readonly task: number;
}

export interface JobRecord {
  readonly jobId: string;
  readonly jobType: string;
  readonly status: JobStatus;
  readonly run: number;
  readonly stage: number;
  readonly totalStages: number;
  readonly parameters: JsonObject;
  readonly metadata: JsonObject;
  readonly result: JsonObject | null;
  readonly error: ErrorRecord | null;
  readonly correlationId: string;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly updatedAt: Date;
}

/** A job without what may be large. */
export type JobSummary = Omit<JobRecord, 'parameters' | 'metadata' | 'result'>;

export interface NewJob {
  readonly jobId: string;
  readonly jobType: string;
  readonly totalStages: number;
  readonly parameters: JsonObject;
  readonly metadata: JsonObject;
  readonly correlationId: string;
}

export interface SubmitOutcome {
  /** `created`: a run begins and its message is due. `existing`: nothing changed. `active`: force was refused. */
  readonly outcome: 'created' | 'existing' | 'active';
  readonly job: JobRecord;
}

export type Parallelism = 'single' | 'fan_out' | 'fan_in';
export type FailurePolicy = 'fail' | 'continue';

export interface NewStage {
  readonly name: string;
  readonly handler: string;
  readonly parallelism: Parallelism;
  readonly policy: FailurePolicy;
}

export interface NewTask {
  readonly key: string;
  readonly input: JsonValue;
}

/** What the engine does for a job by itself, and may have to do again later. */
export type EngineStep = 'plan' | 'finalize';

/** `waits`: try again `at`, after `attempt` failures. `used_up`: not again. `stale`: the job is not there any more. */
export type StepRetry =
  | { readonly kind: 'waits'; readonly attempt: number; readonly at: Date }
  | { readonly kind: 'used_up' | 'stale' };

export type StageOutcome = 'created' | 'resumed' | 'exists' | 'stale';

export interface StageCounts {
  readonly total: number;
  readonly queued: number;
  /** Includes the ones waiting for a retry. */
  readonly processing: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

export interface StageRecord extends NewStage {
  readonly number: number;
  readonly counts: StageCounts;
  /** Tasks [0, published) have had their message sent. */
  readonly published: number;
  /** Mean of the progress its processing tasks reported, 0-1; null when none did. */
  readonly runningProgress: number | null;
  readonly startedAt: Date;
  /** When its last task ended; or before, when its job was ended. null while a task is open. */
  readonly completedAt: Date | null;
}

export interface TaskRecord extends TaskRef {
  readonly key: string;
  readonly handler: string;
  readonly status: TaskStatus;
  readonly attempt: number;
  /** How many of its attempts ended because their host was shut down. */
  readonly handedBack: number;
  readonly progress: number | null;
  readonly worker: string | null;
  readonly error: ErrorRecord | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
}

export interface ClaimedTask {
  readonly key: string;
  readonly attempt: number;
  readonly input: JsonValue;
  readonly jobType: string;
  readonly stageName: string;
  /** How many tasks its stage has. */
  readonly stageTasks: number;
}

/**
 * `claimed`: the caller holds the lease. `busy`: another worker does, until `until`. `early`: a retry that is not due
 * before `until`. `refused`: finished, cancelled, unknown, or of a run or stage that is over.
 */
export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly task: ClaimedTask }
  | { readonly kind: 'busy' | 'early'; readonly until: Date }
  | { readonly kind: 'refused' };

/** `held`: work on. `cancelled`: the lease is held, but the job has ended. `lost`: somebody else has the task. */
export type LeaseState = 'held' | 'cancelled' | 'lost';

/** How a task's attempt ended. */
export type AttemptEnd =
  | { readonly status: 'completed'; readonly result: JsonValue }
  | { readonly status: 'failed' | 'cancelled'; readonly error: ErrorRecord }
  | {
      readonly status: 'retrying';
      readonly error: ErrorRecord;
      readonly delayMs: number;
      /** The attempt is not one of those that the task has: nothing went wrong but that its host was shut down. */
      readonly handedBack?: boolean;
    };

/** What the task is now; `lost`: nothing was changed. */
export type EndedAs = AttemptEnd['status'] | 'lost';

export interface JobFilter {
  readonly status?: JobStatus;
  readonly jobType?: string;
  readonly since?: Date;
  readonly limit: number;
  /** `createdAt` and `jobId` of the last row of the page before. */
  readonly after?: { readonly createdAt: Date; readonly jobId: string };
}

export interface TaskFilter {
  readonly stage?: number;
  readonly status?: TaskStatus;
  readonly limit: number;
  readonly after?: { readonly stage: number; readonly task: number };
}

/**
 * The only truth. Every method is one transaction, and compares before it sets: a `false` or `refused` means that
 * somebody else was first and nothing was changed. Time is the store's own clock. Throws DATABASE_UNAVAILABLE
 * (retryable) when the store cannot be reached. What changes a job's state also writes its timeline, in one transaction.
 */
export interface StateStore extends UpkeepStore {
  /**
   * Stores a job, or starts its next run: when it failed or was cancelled, or ended at all and `force` is given.
   * A job that begins is `queued` at stage 1 with its message due.
   */
  submitJob(job: NewJob, options: { readonly force: boolean }): Promise<SubmitOutcome>;
  /**
   * Starts the next run of a job that has ended, with the parameters it has. `takeOver`: tasks that were completed
   * in its last run from the start or after it are not run again; then null for a job that has `completed`. Null too when
   * it is active or unknown.
   */
  retryJob(
    jobId: string,
    options: { readonly totalStages: number; readonly correlationId: string; readonly takeOver: boolean },
  ): Promise<JobRecord | null>;
  getJob(jobId: string): Promise<JobRecord | null>;
  /** The job's timeline, in order; of one run or of all. `after`: the id of the last event of the page before. */
  listEvents(
    jobId: string,
    filter: { readonly run?: number; readonly after?: number; readonly limit: number },
  ): Promise<readonly JobEvent[]>;
  listJobs(filter: JobFilter): Promise<readonly JobSummary[]>;
  /** Stages of one run that have been planned, in order. */
  getStages(jobId: string, run: number): Promise<readonly StageRecord[]>;
  listTasks(jobId: string, run: number, filter: TaskFilter): Promise<readonly TaskRecord[]>;

  /**
   * The job message for this stage has been sent. A store may write this down, and the same of tasks, a little after it
   * has answered, and lose it with its process: the message is then sent again.
   */
  markJobPublished(ref: StageRef): Promise<void>;
  /**
   * Stores the stage with its tasks numbered in order, and makes the job `processing`. In a run that takes over from
   * earlier ones, tasks with a key and input that were completed there are completed, with the last of the results;
   * `resumed` when there are any. The task of a fan-in is such only when all tasks of the stages before are, and have the
   * results they had there. `exists` when the stage was planned before, `stale` when the job is not active in this run and
   * stage.
   */
  createStage(ref: StageRef, stage: NewStage, tasks: readonly NewTask[]): Promise<StageOutcome>;
  /**
   * The job's current stage, which is not planned, could not be planned now, or is planned, and the job not be finalised:
   * the n-th time it is to be tried again after the n-th of the delays. While it waits for that, another failure is the
   * same one. The job's time begins.
   */
  retryStep(ref: StageRef, step: EngineStep, error: ErrorRecord, delaysMs: readonly number[]): Promise<StepRetry>;
  /** The job's time begins, if it has not: somebody has tried to plan its stage, and may have died of it. */
  markJobStarted(ref: StageRef): Promise<void>;
  /** Tasks [0, published) of the stage have had their message sent; never goes back. */
  markTasksPublished(ref: StageRef, published: number): Promise<void>;

  /** One statement: takes the task if it is due and free, or if its lease has run out; attempt rises by one. */
  claimTask(ref: TaskRef, claim: { readonly worker: string; readonly leaseMs: number }): Promise<ClaimOutcome>;
  renewLease(
    ref: TaskRef,
    lease: { readonly attempt: number; readonly leaseMs: number; readonly progress: number | null },
  ): Promise<LeaseState>;
  /**
   * Ends the attempt; `lost` when `attempt` is no longer the task's current one (fencing). A retry in a job that has ended
   * is stored as `cancelled`.
   */
  endAttempt(ref: TaskRef, attempt: number, end: AttemptEnd): Promise<EndedAs>;

  /** True while a task of the stage is queued, processing or retrying. Cost does not grow with the stage. */
  hasOpenTasks(ref: StageRef): Promise<boolean>;
  /**
   * Completed results with `number > after`, in order, at most `limit`; fewer when they are more than
   * `limits.resultPageBytes` as JSON, but one if there is one.
   */
  resultPage(ref: StageRef, after: number, limit: number): Promise<readonly StageResult<JsonValue>[]>;
  /** The error of the failed task with the lowest number; null when none failed. */
  firstFailure(
    ref: StageRef,
  ): Promise<{ readonly task: number; readonly key: string; readonly error: ErrorRecord } | null>;

  /** Closes the stage and makes the next one the job's current one, its message due; only if it has no open task. */
  advanceJob(ref: StageRef): Promise<boolean>;
  /**
   * Ends the job if it is active in this run and stage; tasks that have not started are cancelled with it. `callback`:
   * a completion callback is due.
   */
  finishJob(
    ref: StageRef,
    end: {
      readonly status: JobEnd;
      readonly result: JsonObject | null;
      readonly error: ErrorRecord | null;
      readonly callback: boolean;
    },
  ): Promise<boolean>;
  markCallbackDelivered(jobId: string, run: number): Promise<void>;
}
