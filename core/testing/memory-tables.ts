import type { JobRecord, StageRef, TaskRef } from '../ports/state-store.ts';
import type { JobEvent, JobEventName, UpkeepRunRecord } from '../ports/upkeep-store.ts';
import { isActive } from '../states.ts';
import { type JobRow, keyOf, type StageRow, type TaskRow } from './memory-rows.ts';

/** What the in-memory store holds, and how rows are found in it. */
export class MemoryTables {
  readonly now: () => number;
  readonly jobs = new Map<string, JobRow>();
  readonly stages = new Map<string, StageRow>();
  /** Of runs that were followed by others, by job and run: those whose completion callback is due. */
  readonly dueCallbacks = new Map<string, JobRecord>();
  readonly events = new Map<string, JobEvent[]>();
  readonly upkeepRuns: UpkeepRunRecord[] = [];
  #lastEvent = 0;

  constructor(now: () => number) {
    this.now = now;
  }

  /** The job's row if it is active in this very run and stage. */
  current(ref: StageRef): JobRow | null {
    const row = this.jobs.get(ref.jobId);
    if (!row || !isActive(row.record.status)) return null;
    return row.record.run === ref.run && row.record.stage === ref.stage ? row : null;
  }

  stage(ref: StageRef): StageRow | undefined {
    return this.stages.get(keyOf(ref));
  }

  task(ref: TaskRef): TaskRow | undefined {
    return this.stage(ref)?.tasks[ref.task];
  }

  stagesOf(jobId: string, run: number): StageRow[] {
    return [...this.stages.values()]
      .filter(({ ref }) => ref.jobId === jobId && ref.run === run)
      .sort((a, b) => a.ref.stage - b.ref.stage);
  }

  openStages(): StageRow[] {
    return [...this.stages.values()].filter((stage) => stage.completedAt === null && this.current(stage.ref));
  }

  tasks(): TaskRow[] {
    return [...this.stages.values()].flatMap((stage) => stage.tasks);
  }

  correlation(ref: StageRef): { readonly correlationId: string } {
    return { correlationId: this.jobs.get(ref.jobId)?.record.correlationId ?? '' };
  }

  update(row: JobRow, change: Partial<JobRecord>): void {
    row.record = { ...row.record, ...change, updatedAt: new Date(this.now()) };
  }

  note(
    event: JobEventName,
    place: { readonly jobId: string; readonly run: number; readonly stage?: number; readonly task?: number },
    more: { readonly attempt?: number; readonly detail?: JobEvent['detail'] } = {},
  ): void {
    this.#lastEvent += 1;
    const { jobId, run, stage = null, task = null } = place;
    const { attempt = null, detail = null } = more;
    const row: JobEvent = {
      id: this.#lastEvent,
      at: new Date(this.now()),
      event,
      run,
      stage,
      task,
      attempt,
      detail: structuredClone(detail),
    };
    this.events.set(jobId, [...(this.events.get(jobId) ?? []), row]);
  }
}
