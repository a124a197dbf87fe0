import type { ErrorRecord } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import type {
  AttemptEnd,
  ClaimOutcome,
  JobFilter,
  JobRecord,
  LeaseState,
  NewJob,
  NewStage,
  NewTask,
  StageRecord,
  StageRef,
  StateStore,
  SubmitOutcome,
  TaskFilter,
  TaskRecord,
  TaskRef,
} from '../ports/state-store.ts';
import type { StageResult } from '../results.ts';
import { isActive, isOpen, type JobEnd } from '../states.ts';
import {
  type JobRow,
  keyOf,
  newTaskRow,
  refOf,
  type StageRow,
  stageRecord,
  type TaskRow,
  taskRecord,
} from './memory-rows.ts';

/**
 * The state store in memory: every method runs to its end without giving way, so each is a transaction. It drives the
 * real engine in unit tests and passes the same contract suite as PostgreSQL.
 */
export class MemoryStateStore implements StateStore {
  readonly #now: () => number;
  readonly #jobs = new Map<string, JobRow>();
  readonly #stages = new Map<string, StageRow>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Everything it holds, as it holds it: for looking at, never for changing. */
  rows(): { readonly jobs: readonly JobRow[]; readonly stages: readonly StageRow[] } {
    return { jobs: [...this.#jobs.values()], stages: [...this.#stages.values()] };
  }

  async submitJob(job: NewJob, options: { readonly force: boolean }): Promise<SubmitOutcome> {
    const row = this.#jobs.get(job.jobId);
    if (row && isActive(row.record.status)) {
      return { outcome: options.force ? 'active' : 'existing', job: row.record };
    }
    const ended = row?.record.status;
    if (row && (ended === 'completed' || ended === 'completed_with_errors') && !options.force) {
      return { outcome: 'existing', job: row.record };
    }
    const record = this.#queuedJob(job, row?.record);
    this.#jobs.set(job.jobId, { record, sentAt: null, callback: 'none' });
    return { outcome: 'created', job: record };
  }

  async getJob(jobId: string): Promise<JobRecord | null> {
    return this.#jobs.get(jobId)?.record ?? null;
  }

  async listJobs(filter: JobFilter): Promise<readonly JobRecord[]> {
    const { after } = filter;
    const isAfter = (job: JobRecord) =>
      !after ||
      job.createdAt < after.createdAt ||
      (job.createdAt.getTime() === after.createdAt.getTime() && job.jobId < after.jobId);
    return [...this.#jobs.values()]
      .map((row) => row.record)
      .filter((job) => !filter.status || job.status === filter.status)
      .filter((job) => !filter.jobType || job.jobType === filter.jobType)
      .filter((job) => !filter.since || job.createdAt >= filter.since)
      .filter(isAfter)
      .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.jobId < b.jobId ? 1 : -1))
      .slice(0, filter.limit);
  }

  async getStages(jobId: string, run: number): Promise<readonly StageRecord[]> {
    return this.#stagesOf(jobId, run).map(stageRecord);
  }

  async listTasks(jobId: string, run: number, filter: TaskFilter): Promise<readonly TaskRecord[]> {
    const { after } = filter;
    return this.#stagesOf(jobId, run)
      .flatMap((stage) => stage.tasks)
      .filter((task) => !filter.stage || task.ref.stage === filter.stage)
      .filter((task) => !filter.status || task.status === filter.status)
      .filter(({ ref }) => !after || ref.stage > after.stage || (ref.stage === after.stage && ref.task > after.task))
      .slice(0, filter.limit)
      .map(taskRecord);
  }

  async markJobPublished(ref: StageRef): Promise<void> {
    const row = this.#current(ref);
    if (row) row.sentAt = this.#now();
  }

  async createStage(
    ref: StageRef,
    stage: NewStage,
    tasks: readonly NewTask[],
  ): Promise<'created' | 'exists' | 'stale'> {
    const row = this.#current(ref);
    if (!row) return 'stale';
    if (this.#stages.has(keyOf(ref))) return 'exists';
    const now = this.#now();
    this.#stages.set(keyOf(ref), {
      ...stage,
      ref: { jobId: ref.jobId, run: ref.run, stage: ref.stage },
      tasks: tasks.map((task, number) => newTaskRow(ref, stage, task, number, now)),
      published: 0,
      startedAt: now,
      updatedAt: now,
      completedAt: null,
    });
    this.#update(row, { status: 'processing', startedAt: row.record.startedAt ?? new Date(now) });
    return 'created';
  }

  async markTasksPublished(ref: StageRef, published: number): Promise<void> {
    const stage = this.#stages.get(keyOf(ref));
    if (!stage) return;
    stage.published = Math.max(stage.published, published);
    stage.updatedAt = this.#now();
  }

  async claimTask(ref: TaskRef, claim: { readonly worker: string; readonly leaseMs: number }): Promise<ClaimOutcome> {
    const task = this.#task(ref);
    const job = this.#current(ref);
    const stage = this.#stages.get(keyOf(ref));
    if (!task || !job || !stage || !isOpen(task.status)) return { kind: 'refused' };
    const now = this.#now();
    if (task.status === 'processing' && task.leaseUntil > now)
      return { kind: 'busy', until: new Date(task.leaseUntil) };
    if (task.status === 'retrying' && task.dueAt > now) return { kind: 'early', until: new Date(task.dueAt) };
    task.status = 'processing';
    task.attempt += 1;
    task.worker = claim.worker;
    task.leaseUntil = now + claim.leaseMs;
    task.progress = null;
    task.startedAt ??= now;
    const { jobType } = job.record;
    const { key, attempt, input } = task;
    return { kind: 'claimed', task: { key, attempt, input, jobType, stageName: stage.name } };
  }

  async renewLease(
    ref: TaskRef,
    lease: { readonly attempt: number; readonly leaseMs: number; readonly progress: number | null },
  ): Promise<LeaseState> {
    const task = this.#task(ref);
    if (task?.status !== 'processing' || task.attempt !== lease.attempt) return 'lost';
    task.leaseUntil = this.#now() + lease.leaseMs;
    task.progress = lease.progress ?? task.progress;
    return this.#current(ref) ? 'held' : 'cancelled';
  }

  async endAttempt(ref: TaskRef, attempt: number, end: AttemptEnd): Promise<boolean> {
    const task = this.#task(ref);
    if (task?.status !== 'processing' || task.attempt !== attempt) return false;
    const now = this.#now();
    // A retry in a job that has ended would stay open for ever.
    task.status = end.status === 'retrying' && !this.#current(ref) ? 'cancelled' : end.status;
    task.error = end.status === 'completed' ? null : end.error;
    task.sentAt = now;
    if (end.status === 'retrying') task.dueAt = now + end.delayMs;
    if (!isOpen(task.status)) task.completedAt = now;
    if (end.status === 'completed') task.result = structuredClone(end.result);
    return true;
  }

  async hasOpenTasks(ref: StageRef): Promise<boolean> {
    return this.#stages.get(keyOf(ref))?.tasks.some((task) => isOpen(task.status)) ?? false;
  }

  async resultPage(ref: StageRef, after: number, limit: number): Promise<readonly StageResult<JsonValue>[]> {
    const tasks = this.#stages.get(keyOf(ref))?.tasks ?? [];
    return tasks
      .filter((task) => task.status === 'completed' && task.ref.task > after)
      .slice(0, limit)
      .map((task) => ({ number: task.ref.task, key: task.key, output: structuredClone(task.result) }));
  }

  async firstFailure(ref: StageRef): Promise<{ task: number; key: string; error: ErrorRecord } | null> {
    const failed = this.#stages.get(keyOf(ref))?.tasks.find((task) => task.status === 'failed');
    return failed?.error ? { task: failed.ref.task, key: failed.key, error: failed.error } : null;
  }

  async advanceJob(ref: StageRef): Promise<boolean> {
    const row = this.#current(ref);
    const stage = this.#stages.get(keyOf(ref));
    if (!row || !stage || stage.tasks.some((task) => isOpen(task.status))) return false;
    if (ref.stage >= row.record.totalStages) return false;
    stage.completedAt = this.#now();
    row.sentAt = null;
    this.#update(row, { stage: ref.stage + 1 });
    return true;
  }

  async finishJob(
    ref: StageRef,
    end: {
      readonly status: JobEnd;
      readonly result: JsonObject | null;
      readonly error: ErrorRecord | null;
      readonly callback: boolean;
    },
  ): Promise<boolean> {
    const row = this.#current(ref);
    if (!row) return false;
    const now = this.#now();
    const stage = this.#stages.get(keyOf(ref));
    for (const task of stage?.tasks ?? []) {
      if (task.status !== 'queued' && task.status !== 'retrying') continue;
      task.status = 'cancelled';
      task.completedAt = now;
    }
    if (stage) stage.completedAt = now;
    const { status, result, error } = end;
    this.#update(row, { status, result: structuredClone(result), error, completedAt: new Date(now) });
    row.callback = end.callback ? 'due' : 'none';
    return true;
  }

  async markCallbackDelivered(jobId: string, run: number): Promise<void> {
    const row = this.#jobs.get(jobId);
    if (row?.record.run === run) row.callback = 'delivered';
  }

  async findJobsToPublish(age: { readonly unsentMs: number; readonly unansweredMs: number }, limit: number) {
    const now = this.#now();
    const isDue = (row: JobRow) =>
      row.sentAt === null ? row.record.updatedAt.getTime() <= now - age.unsentMs : row.sentAt <= now - age.unansweredMs;
    return [...this.#jobs.values()]
      .filter((row) => isActive(row.record.status) && !this.#stages.has(keyOf(row.record)) && isDue(row))
      .slice(0, limit)
      .map(({ record }) => ({ ...refOf(record), correlationId: record.correlationId }));
  }

  async findStagesToPublish(unsentMs: number, limit: number) {
    return this.#openStages()
      .filter((stage) => stage.published < stage.tasks.length && stage.updatedAt <= this.#now() - unsentMs)
      .slice(0, limit)
      .map((stage) => ({
        ...stage.ref,
        published: stage.published,
        total: stage.tasks.length,
        ...this.#correlation(stage.ref),
      }));
  }

  async takeTasksToPublish(unansweredMs: number, limit: number) {
    const now = this.#now();
    const isDue = (task: TaskRow, stage: StageRow) =>
      task.ref.task < stage.published &&
      (task.status === 'queued' || (task.status === 'retrying' && task.dueAt <= now)) &&
      Math.max(task.sentAt, task.dueAt) <= now - unansweredMs;
    const due = this.#openStages()
      .flatMap((stage) => stage.tasks.filter((task) => isDue(task, stage)))
      .slice(0, limit);
    for (const task of due) task.sentAt = now;
    return due.map((task) => ({ ...task.ref, attempt: task.attempt, ...this.#correlation(task.ref) }));
  }

  async findExpiredLeases(limit: number) {
    return [...this.#stages.values()]
      .flatMap((stage) => stage.tasks)
      .filter((task) => task.status === 'processing' && task.leaseUntil <= this.#now())
      .slice(0, limit)
      .map((task) => ({
        ...task.ref,
        attempt: task.attempt,
        orphaned: !this.#current(task.ref),
        ...this.#correlation(task.ref),
      }));
  }

  async findStagesToClose(limit: number): Promise<readonly StageRef[]> {
    return this.#openStages()
      .filter((stage) => !stage.tasks.some((task) => isOpen(task.status)))
      .slice(0, limit)
      .map((stage) => stage.ref);
  }

  async findCallbacksDue(olderThanMs: number, limit: number): Promise<readonly JobRecord[]> {
    const before = this.#now() - olderThanMs;
    return [...this.#jobs.values()]
      .filter((row) => row.callback === 'due' && (row.record.completedAt?.getTime() ?? 0) <= before)
      .sort((a, b) => Number(a.record.completedAt) - Number(b.record.completedAt))
      .slice(0, limit)
      .map((row) => row.record);
  }

  #queuedJob(job: NewJob, before: JobRecord | undefined): JobRecord {
    const now = new Date(this.#now());
    return {
      ...job,
      parameters: structuredClone(job.parameters),
      status: 'queued',
      run: (before?.run ?? 0) + 1,
      stage: 1,
      result: null,
      error: null,
      createdAt: before?.createdAt ?? now,
      startedAt: null,
      completedAt: null,
      updatedAt: now,
    };
  }

  #update(row: JobRow, change: Partial<JobRecord>): void {
    row.record = { ...row.record, ...change, updatedAt: new Date(this.#now()) };
  }

  /** The job's row if it is active in this very run and stage. */
  #current(ref: StageRef): JobRow | null {
    const row = this.#jobs.get(ref.jobId);
    if (!row || !isActive(row.record.status)) return null;
    return row.record.run === ref.run && row.record.stage === ref.stage ? row : null;
  }

  #task(ref: TaskRef): TaskRow | undefined {
    return this.#stages.get(keyOf(ref))?.tasks[ref.task];
  }

  #stagesOf(jobId: string, run: number): StageRow[] {
    return [...this.#stages.values()]
      .filter(({ ref }) => ref.jobId === jobId && ref.run === run)
      .sort((a, b) => a.ref.stage - b.ref.stage);
  }

  #openStages(): StageRow[] {
    return [...this.#stages.values()].filter((stage) => stage.completedAt === null && this.#current(stage.ref));
  }

  #correlation(ref: StageRef): { readonly correlationId: string } {
    return { correlationId: this.#jobs.get(ref.jobId)?.record.correlationId ?? '' };
  }
}
