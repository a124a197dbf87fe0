import type { JobRecord, StageRef } from '../ports/state-store.ts';
import type {
  HeldTask,
  NewUpkeepRun,
  RunEnd,
  TimeLimits,
  UpkeepRunRecord,
  UpkeepStore,
} from '../ports/upkeep-store.ts';
import { isActive } from '../states.ts';
import { endOf, type JobRow, keyOf, refOf, type StageRow, type TaskRow } from './memory-rows.ts';
import { MemoryTables } from './memory-tables.ts';

const dayMs = 24 * 3600 * 1000;

/** The reconciler's side of the in-memory store. */
export class MemoryUpkeep implements UpkeepStore {
  protected readonly tables: MemoryTables;

  constructor(now: () => number = Date.now) {
    this.tables = new MemoryTables(now);
  }

  async findJobsToPublish(age: { readonly unsentMs: number; readonly unansweredMs: number }, limit: number) {
    const { jobs, stages, now } = this.tables;
    const isDue = (row: JobRow) =>
      row.sentAt === null
        ? row.record.updatedAt.getTime() <= now() - age.unsentMs
        : row.sentAt <= now() - age.unansweredMs;
    return [...jobs.values()]
      .filter((row) => isActive(row.record.status) && !stages.has(keyOf(row.record)) && isDue(row))
      .slice(0, limit)
      .map(({ record }) => ({ ...refOf(record), correlationId: record.correlationId }));
  }

  async findStagesToPublish(unsentMs: number, limit: number) {
    const before = this.tables.now() - unsentMs;
    return this.tables
      .openStages()
      .filter((stage) => stage.published < stage.tasks.length && stage.updatedAt <= before)
      .slice(0, limit)
      .map((stage) => ({
        ...stage.ref,
        published: stage.published,
        total: stage.tasks.length,
        ...this.tables.correlation(stage.ref),
      }));
  }

  async takeTasksToPublish(age: { readonly unansweredMs: number; readonly certainMs: number }, limit: number) {
    const now = this.tables.now();
    const since = (task: TaskRow) => Math.max(task.sentAt ?? this.tables.stage(task.ref)?.updatedAt ?? 0, task.dueAt);
    const running = this.tables.tasks().filter((task) => task.status === 'processing' && task.leaseUntil > now);
    const newest = running.length > 0 ? Math.max(...running.map(since)) : Number.POSITIVE_INFINITY;
    const isDue = (task: TaskRow, stage: StageRow) =>
      task.ref.task < stage.published &&
      (task.status === 'queued' || (task.status === 'retrying' && task.dueAt <= now)) &&
      since(task) <= now - age.unansweredMs &&
      (newest > since(task) || since(task) <= now - age.certainMs);
    const due = this.tables
      .openStages()
      .flatMap((stage) => stage.tasks.filter((task) => isDue(task, stage)))
      .slice(0, limit);
    for (const task of due) task.sentAt = now;
    return due.map((task) => ({ ...task.ref, attempt: task.attempt, ...this.tables.correlation(task.ref) }));
  }

  async takeExpiredLeases(unansweredMs: number, limit: number) {
    const now = this.tables.now();
    const isUnanswered = ({ sentAt, leaseUntil }: TaskRow) =>
      sentAt === null || sentAt < leaseUntil || sentAt <= now - unansweredMs;
    const expired = this.tables
      .tasks()
      .filter((task) => task.status === 'processing' && task.leaseUntil <= now && isUnanswered(task))
      .slice(0, limit);
    for (const task of expired) task.sentAt = now;
    return expired.map((task) => ({ ...this.#held(task), orphaned: !this.tables.current(task.ref) }));
  }

  async findStagesToClose(olderThanMs: number, limit: number): Promise<readonly StageRef[]> {
    const before = this.tables.now() - olderThanMs;
    return this.tables
      .openStages()
      .filter((stage) => (endOf(stage) ?? failedAt(stage) ?? Number.POSITIVE_INFINITY) <= before)
      .slice(0, limit)
      .map((stage) => stage.ref);
  }

  async findCallbacksDue(olderThanMs: number, limit: number) {
    const before = this.tables.now() - olderThanMs;
    return this.#callbacksDue()
      .filter(({ completedAt }) => isOver(completedAt, before))
      .sort((a, b) => Number(a.completedAt) - Number(b.completedAt))
      .slice(0, limit)
      .map(({ jobId, run }) => ({ jobId, run }));
  }

  async getDueCallback(jobId: string, run: number): Promise<RunEnd | null> {
    const end = this.#callbacksDue().find((record) => record.jobId === jobId && record.run === run);
    return end ?? null;
  }

  #callbacksDue(): JobRecord[] {
    const last = [...this.tables.jobs.values()].filter(({ callback }) => callback === 'due');
    return [...this.tables.dueCallbacks.values(), ...last.map(({ record }) => record)];
  }

  async findOverdueJobs(limits: TimeLimits, otherMs: number, limit: number): Promise<readonly JobRecord[]> {
    const limitOf = new Map(limits.map(({ name, limitMs }) => [name, limitMs]));
    return [...this.tables.jobs.values()]
      .map(({ record }) => record)
      .filter(({ status }) => isActive(status))
      .filter(({ startedAt, jobType }) => isOver(startedAt, this.tables.now() - (limitOf.get(jobType) ?? otherMs)))
      .slice(0, limit);
  }

  async findOverdueTasks(limits: TimeLimits, limit: number) {
    const limitOf = new Map(limits.map(({ name, limitMs }) => [name, limitMs]));
    const before = (handler: string) => this.tables.now() - (limitOf.get(handler) ?? Number.POSITIVE_INFINITY);
    return this.tables
      .openStages()
      .flatMap((stage) => stage.tasks)
      .filter((task) => task.status === 'processing' && task.claimedAt <= before(task.handler))
      .slice(0, limit)
      .map((task) => this.#held(task));
  }

  #held({ ref, attempt, key, handler, worker, claimedAt }: TaskRow): HeldTask {
    return {
      ...ref,
      attempt,
      key,
      handler,
      jobType: this.tables.jobs.get(ref.jobId)?.record.jobType ?? '',
      stageName: this.tables.stage(ref)?.name ?? '',
      worker: worker ?? '',
      claimedAt: new Date(claimedAt),
      ...this.tables.correlation(ref),
    };
  }

  /** Nobody is connected to memory. */
  async endLeasesOfDeadWorkers(): Promise<readonly string[]> {
    return [];
  }

  async emptyEndedJobs(olderThanDays: number, jobs: number, rows: number): Promise<number> {
    let [tasksLeft, eventsLeft] = [rows, rows];
    for (const { jobId } of this.#ended(olderThanDays).slice(0, jobs)) {
      for (const { tasks } of this.#stagesOf(jobId)) tasksLeft -= removeLast(tasks, tasksLeft);
      eventsLeft -= removeLast(this.tables.events.get(jobId) ?? [], eventsLeft);
    }
    return 2 * rows - tasksLeft - eventsLeft;
  }

  async deleteEndedJobs(olderThanDays: number, limit: number): Promise<readonly string[]> {
    const { jobs, stages, events } = this.tables;
    const ids = this.#ended(olderThanDays)
      .slice(0, limit)
      .map(({ jobId }) => jobId)
      .filter((id) => this.#stagesOf(id).every(({ tasks }) => tasks.length === 0));
    for (const id of ids) {
      for (const { ref } of this.#stagesOf(id)) stages.delete(keyOf(ref));
      jobs.delete(id);
      events.delete(id);
    }
    return ids;
  }

  #ended(olderThanDays: number): JobRecord[] {
    const before = this.tables.now() - olderThanDays * dayMs;
    const due = new Set(this.#callbacksDue().map(({ jobId }) => jobId));
    return [...this.tables.jobs.values()]
      .filter(({ record }) => !due.has(record.jobId) && isOver(record.completedAt, before))
      .map(({ record }) => record)
      .sort((a, b) => Number(a.completedAt) - Number(b.completedAt));
  }

  #stagesOf(jobId: string): StageRow[] {
    return [...this.tables.stages.values()].filter(({ ref }) => ref.jobId === jobId);
  }

  async recordUpkeepRun(run: NewUpkeepRun): Promise<void> {
    const { upkeepRuns, now } = this.tables;
    const id = (upkeepRuns[0]?.id ?? 0) + 1;
    upkeepRuns.unshift({ ...run, id, startedAt: new Date(now() - run.durationMs) });
  }

  async listUpkeepRuns(filter: Parameters<UpkeepStore['listUpkeepRuns']>[0]): Promise<readonly UpkeepRunRecord[]> {
    return this.tables.upkeepRuns
      .filter(({ run }) => !filter.run || run === filter.run)
      .filter(({ fixed }) => !filter.fixedOnly || fixed > 0)
      .filter(({ id }) => !filter.after || id < filter.after)
      .slice(0, filter.limit);
  }

  async deleteUpkeepRuns(olderThanDays: number): Promise<void> {
    const { upkeepRuns, now } = this.tables;
    const before = now() - olderThanDays * dayMs;
    const kept = upkeepRuns.filter(({ startedAt }) => startedAt.getTime() > before);
    upkeepRuns.splice(0, upkeepRuns.length, ...kept);
  }
}

/** Tasks are found by their place, so the others keep theirs. */
function removeLast(rows: unknown[], most: number): number {
  return rows.splice(Math.max(0, rows.length - most)).length;
}

function isOver(time: Date | null, before: number): boolean {
  return time !== null && time.getTime() <= before;
}

/** When the first task failed of a stage that fails with it; null when none has. */
function failedAt({ policy, tasks }: StageRow): number | null {
  const failed = tasks.filter(({ status }) => policy === 'fail' && status === 'failed');
  return failed.length === 0 ? null : Math.min(...failed.map(({ completedAt }) => completedAt ?? 0));
}
