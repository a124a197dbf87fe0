import type { ErrorRecord } from '../errors.ts';
import { type JsonObject, type JsonValue, jsonBytes } from '../json.ts';
import { limits } from '../limits.ts';
import type {
  AttemptEnd,
  ClaimOutcome,
  EndedAs,
  EngineStep,
  JobFilter,
  JobRecord,
  JobSummary,
  LeaseState,
  NewJob,
  NewStage,
  NewTask,
  StageOutcome,
  StageRecord,
  StageRef,
  StateStore,
  StepRetry,
  SubmitOutcome,
  TaskFilter,
  TaskRecord,
  TaskRef,
} from '../ports/state-store.ts';
import type { JobEvent } from '../ports/upkeep-store.ts';
import type { StageResult } from '../results.ts';
import { isActive, isOpen, type JobEnd } from '../states.ts';
import {
  endOf,
  type JobRow,
  keyOf,
  newTaskRow,
  type StageRow,
  stageRecord,
  type TaskRow,
  taskRecord,
} from './memory-rows.ts';
import { MemoryUpkeep } from './memory-upkeep.ts';

/**
 * The state store in memory: every method runs to its end without giving way, so each is a transaction. It drives the
 * real engine in unit tests and passes the same contract suite as PostgreSQL.
 */
export class MemoryStateStore extends MemoryUpkeep implements StateStore {
  /** Everything it holds, as it holds it: for looking at, never for changing. */
  rows(): { readonly jobs: readonly JobRow[]; readonly stages: readonly StageRow[] } {
    return { jobs: [...this.tables.jobs.values()], stages: [...this.tables.stages.values()] };
  }

  async submitJob(job: NewJob, options: { readonly force: boolean }): Promise<SubmitOutcome> {
    const row = this.tables.jobs.get(job.jobId);
    if (row && isActive(row.record.status)) {
      return { outcome: options.force ? 'active' : 'existing', job: row.record };
    }
    const ended = row?.record.status;
    if (row && (ended === 'completed' || ended === 'completed_with_errors') && !options.force) {
      return { outcome: 'existing', job: row.record };
    }
    const record = this.#queuedJob(job, row?.record);
    this.#begin(record, null);
    return { outcome: 'created', job: record };
  }

  async retryJob(
    jobId: string,
    options: { readonly totalStages: number; readonly correlationId: string; readonly takeOver: boolean },
  ): Promise<JobRecord | null> {
    const row = this.tables.jobs.get(jobId);
    const last = row?.record;
    if (!row || !last || isActive(last.status) || (options.takeOver && last.status === 'completed')) return null;
    const { totalStages, correlationId, takeOver } = options;
    const record = this.#queuedJob({ ...newJobOf(last), totalStages, correlationId }, last);
    this.#begin(record, takeOver ? (row.takenOverRun ?? last.run) : null);
    return record;
  }

  async listEvents(
    jobId: string,
    filter: { readonly run?: number; readonly after?: number; readonly limit: number },
  ): Promise<readonly JobEvent[]> {
    return (this.tables.events.get(jobId) ?? [])
      .filter(({ run }) => !filter.run || run === filter.run)
      .filter(({ id }) => !filter.after || id > filter.after)
      .slice(0, filter.limit);
  }

  async getJob(jobId: string): Promise<JobRecord | null> {
    return this.tables.jobs.get(jobId)?.record ?? null;
  }

  async listJobs(filter: JobFilter): Promise<readonly JobSummary[]> {
    const { after } = filter;
    const isAfter = (job: JobRecord) =>
      !after ||
      job.createdAt < after.createdAt ||
      (job.createdAt.getTime() === after.createdAt.getTime() && job.jobId < after.jobId);
    return [...this.tables.jobs.values()]
      .map((row) => row.record)
      .filter((job) => !filter.status || job.status === filter.status)
      .filter((job) => !filter.jobType || job.jobType === filter.jobType)
      .filter((job) => !filter.since || job.createdAt >= filter.since)
      .filter(isAfter)
      .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.jobId < b.jobId ? 1 : -1))
      .slice(0, filter.limit)
      .map(({ parameters: _, metadata: __, result: ___, ...summary }) => summary);
  }

  async getStages(jobId: string, run: number): Promise<readonly StageRecord[]> {
    return this.tables.stagesOf(jobId, run).map(stageRecord);
  }

  async listTasks(jobId: string, run: number, filter: TaskFilter): Promise<readonly TaskRecord[]> {
    const { after } = filter;
    return this.tables
      .stagesOf(jobId, run)
      .flatMap((stage) => stage.tasks)
      .filter((task) => !filter.stage || task.ref.stage === filter.stage)
      .filter((task) => !filter.status || task.status === filter.status)
      .filter(({ ref }) => !after || ref.stage > after.stage || (ref.stage === after.stage && ref.task > after.task))
      .slice(0, filter.limit)
      .map(taskRecord);
  }

  async markJobPublished(ref: StageRef): Promise<void> {
    const row = this.tables.current(ref);
    if (row) row.sentAt = this.tables.now();
  }

  async createStage(ref: StageRef, stage: NewStage, tasks: readonly NewTask[]): Promise<StageOutcome> {
    const job = this.tables.current(ref);
    if (!job) return 'stale';
    if (this.tables.stages.has(keyOf(ref))) return 'exists';
    const now = this.tables.now();
    const row: StageRow = {
      ...stage,
      ref: { jobId: ref.jobId, run: ref.run, stage: ref.stage },
      tasks: tasks.map((task, number) => newTaskRow(ref, stage, task, number, now)),
      published: 0,
      startedAt: now,
      updatedAt: now,
      completedAt: null,
      takenOver: 0,
    };
    this.tables.stages.set(keyOf(ref), row);
    if (job.takenOverRun !== null) row.takenOver = this.#takeOver(row, job.takenOverRun);
    this.tables.update(job, { status: 'processing', startedAt: job.record.startedAt ?? new Date(now) });
    const detail = { name: stage.name, tasks: tasks.length, taken_over: row.takenOver };
    this.tables.note('stage_started', ref, { detail });
    return row.takenOver > 0 ? 'resumed' : 'created';
  }

  async retryStep(
    ref: StageRef,
    step: EngineStep,
    error: ErrorRecord,
    delaysMs: readonly number[],
  ): Promise<StepRetry> {
    const job = this.tables.current(ref);
    if (!job || this.tables.stages.has(keyOf(ref)) !== (step === 'finalize')) return { kind: 'stale' };
    const now = this.tables.now();
    const made = (this.tables.events.get(ref.jobId) ?? []).filter(
      ({ event, run, stage }) => event === `${step}_retried` && run === ref.run && stage === ref.stage,
    );
    const last = made.at(-1);
    const waitsUntil = last ? last.at.getTime() + (delaysMs[made.length - 1] ?? 0) : 0;
    if (last && waitsUntil > now) return { kind: 'waits', attempt: made.length, at: new Date(waitsUntil) };
    const delayMs = delaysMs[made.length];
    if (delayMs === undefined) return { kind: 'used_up' };
    const attempt = made.length + 1;
    this.tables.note(`${step}_retried`, ref, { attempt, detail: { error: errorDetail(error), delay_ms: delayMs } });
    job.sentAt = now;
    await this.markJobStarted(ref);
    return { kind: 'waits', attempt, at: new Date(now + delayMs) };
  }

  async markJobStarted(ref: StageRef): Promise<void> {
    const job = this.tables.current(ref);
    if (job) job.record = { ...job.record, startedAt: job.record.startedAt ?? new Date(this.tables.now()) };
  }

  async markTasksPublished(ref: StageRef, published: number): Promise<void> {
    const stage = this.tables.stage(ref);
    if (!stage) return;
    stage.published = Math.max(stage.published, published);
    stage.updatedAt = this.tables.now();
  }

  async claimTask(ref: TaskRef, claim: { readonly worker: string; readonly leaseMs: number }): Promise<ClaimOutcome> {
    const task = this.tables.task(ref);
    const job = this.tables.current(ref);
    const stage = this.tables.stage(ref);
    if (!task || !job || !stage || !isOpen(task.status)) return { kind: 'refused' };
    const now = this.tables.now();
    if (task.status === 'processing' && task.leaseUntil > now)
      return { kind: 'busy', until: new Date(task.leaseUntil) };
    if (task.status === 'retrying' && task.dueAt > now) return { kind: 'early', until: new Date(task.dueAt) };
    if (task.status === 'processing') {
      this.tables.note('lease_lost', ref, { attempt: task.attempt, detail: { worker: task.worker } });
    }
    task.status = 'processing';
    task.claimedAt = now;
    task.attempt += 1;
    task.worker = claim.worker;
    task.leaseUntil = now + claim.leaseMs;
    task.progress = null;
    task.startedAt ??= now;
    const { jobType } = job.record;
    const { key, attempt, input } = task;
    return {
      kind: 'claimed',
      task: { key, attempt, input, jobType, stageName: stage.name, stageTasks: stage.tasks.length },
    };
  }

  async renewLease(
    ref: TaskRef,
    lease: { readonly attempt: number; readonly leaseMs: number; readonly progress: number | null },
  ): Promise<LeaseState> {
    const task = this.tables.task(ref);
    if (task?.status !== 'processing' || task.attempt !== lease.attempt) return 'lost';
    task.leaseUntil = this.tables.now() + lease.leaseMs;
    task.progress = lease.progress ?? task.progress;
    return this.tables.current(ref) ? 'held' : 'cancelled';
  }

  async endAttempt(ref: TaskRef, attempt: number, end: AttemptEnd): Promise<EndedAs> {
    const task = this.tables.task(ref);
    if (task?.status !== 'processing' || task.attempt !== attempt) return 'lost';
    const now = this.tables.now();
    // A retry in a job that has ended would stay open for ever.
    const status = end.status === 'retrying' && !this.tables.current(ref) ? 'cancelled' : end.status;
    task.status = status;
    task.error = end.status === 'completed' ? null : end.error;
    task.sentAt = now;
    if (end.status === 'retrying') {
      task.dueAt = now + end.delayMs;
      if (end.handedBack) task.handedBack += 1;
    }
    if (!isOpen(task.status)) task.completedAt = now;
    if (end.status === 'completed') task.result = structuredClone(end.result);
    if (end.status === 'failed' || task.status === 'retrying') {
      const detail = { error: task.error && errorDetail(task.error), delay_ms: 'delayMs' in end ? end.delayMs : null };
      this.tables.note(end.status === 'failed' ? 'task_failed' : 'task_retried', ref, { attempt, detail });
    }
    return status;
  }

  async hasOpenTasks(ref: StageRef): Promise<boolean> {
    return this.tables.stage(ref)?.tasks.some((task) => isOpen(task.status)) ?? false;
  }

  async resultPage(ref: StageRef, after: number, limit: number): Promise<readonly StageResult<JsonValue>[]> {
    const tasks = this.tables.stage(ref)?.tasks ?? [];
    let bytes = 0;
    return tasks
      .filter((task) => task.status === 'completed' && task.ref.task > after)
      .slice(0, limit)
      .filter(({ result }, place) => {
        bytes += jsonBytes(result);
        return bytes <= limits.resultPageBytes || place === 0;
      })
      .map((task) => ({ number: task.ref.task, key: task.key, output: structuredClone(task.result) }));
  }

  async firstFailure(ref: StageRef): Promise<{ task: number; key: string; error: ErrorRecord } | null> {
    const failed = this.tables.stage(ref)?.tasks.find((task) => task.status === 'failed');
    return failed?.error ? { task: failed.ref.task, key: failed.key, error: failed.error } : null;
  }

  async advanceJob(ref: StageRef): Promise<boolean> {
    const row = this.tables.current(ref);
    const stage = this.tables.stage(ref);
    if (!row || !stage || stage.tasks.some((task) => isOpen(task.status))) return false;
    if (ref.stage >= row.record.totalStages) return false;
    stage.completedAt = endOf(stage);
    const count = (status: string) => stage.tasks.filter((task) => task.status === status).length;
    const detail = { name: stage.name, completed: count('completed'), failed: count('failed') };
    this.tables.note('stage_completed', ref, { detail });
    row.sentAt = null;
    this.tables.update(row, { stage: ref.stage + 1 });
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
    const row = this.tables.current(ref);
    if (!row) return false;
    const now = this.tables.now();
    const stage = this.tables.stage(ref);
    const completed = end.status === 'completed' || end.status === 'completed_with_errors';
    const endedAt = (completed && stage && endOf(stage)) || now;
    for (const task of stage?.tasks ?? []) {
      if (task.status !== 'queued' && task.status !== 'retrying') continue;
      task.status = 'cancelled';
      task.completedAt = now;
    }
    if (stage) stage.completedAt = endedAt;
    const { status, result, error } = end;
    this.tables.update(row, { status, result: structuredClone(result), error, completedAt: new Date(now) });
    row.callback = end.callback ? 'due' : 'none';
    this.tables.note(`job_${status}`, ref, { detail: error && errorDetail(error) });
    return true;
  }

  async markCallbackDelivered(jobId: string, run: number): Promise<void> {
    const row = this.tables.jobs.get(jobId);
    const isLast = row?.record.run === run && row.callback === 'due';
    if (!isLast && !this.tables.dueCallbacks.delete(`${jobId}/${run}`)) return;
    if (isLast) row.callback = 'delivered';
    this.tables.note('callback_delivered', { jobId, run });
  }

  #begin(record: JobRecord, takenOverRun: number | null): void {
    const { jobId, run, correlationId } = record;
    const before = this.tables.jobs.get(jobId);
    if (before?.callback === 'due') this.tables.dueCallbacks.set(`${jobId}/${before.record.run}`, before.record);
    this.tables.jobs.set(jobId, { record, sentAt: null, callback: 'none', takenOverRun });
    const taken = takenOverRun === null ? {} : { takes_over_from: takenOverRun };
    const detail = { correlation_id: correlationId, ...taken };
    this.tables.note(run === 1 ? 'job_created' : 'job_rerun', { jobId, run }, { detail });
  }

  #takeOver(stage: StageRow, firstRun: number): number {
    let count = 0;
    for (let run = stage.ref.run - 1; run >= firstRun; run -= 1) {
      const old = this.tables.stage({ ...stage.ref, run });
      if (!old || (stage.parallelism === 'fan_in' && !this.#sameBefore(stage.ref, run))) continue;
      count += takeOverTasks(stage, old, this.tables.now());
    }
    return count;
  }

  /** Whether all stages before this one were taken over and have the results they had in that run. */
  #sameBefore(ref: StageRef, run: number): boolean {
    return this.tables
      .stagesOf(ref.jobId, ref.run)
      .filter((before) => before.ref.stage < ref.stage)
      .every(({ ref: { stage }, tasks, takenOver }) => {
        const old = this.tables.stage({ ...ref, run, stage });
        if (takenOver < tasks.length || old?.tasks.length !== takenOver) return false;
        const had = new Map(completedIn(old).map(({ key, result }) => [key, JSON.stringify(result)]));
        return tasks.every(({ key, result }) => had.get(key) === JSON.stringify(result));
      });
  }

  #queuedJob(job: NewJob, before: JobRecord | undefined): JobRecord {
    const now = new Date(this.tables.now());
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
}

function newJobOf({ jobId, jobType, totalStages, parameters, metadata, correlationId }: JobRecord): NewJob {
  return { jobId, jobType, totalStages, parameters, metadata, correlationId };
}

function errorDetail({ code, message, details }: ErrorRecord): JsonObject {
  return { code, message, ...(details && { details: details.map((detail) => ({ ...detail })) }) };
}

function completedIn({ tasks }: StageRow): TaskRow[] {
  return tasks.filter(({ status }) => status === 'completed');
}

/** Completes the stage's waiting tasks that are completed in the other one; answers how many. */
function takeOverTasks(stage: StageRow, old: StageRow, now: number): number {
  const done = new Map(completedIn(old).map((task) => [task.key, task]));
  let count = 0;
  for (const task of stage.tasks) {
    const same = done.get(task.key);
    if (!same || task.status !== 'queued' || JSON.stringify(same.input) !== JSON.stringify(task.input)) continue;
    const { result, worker, startedAt } = same;
    Object.assign(task, { status: 'completed', result, worker, startedAt, completedAt: now });
    count += 1;
  }
  return count;
}
