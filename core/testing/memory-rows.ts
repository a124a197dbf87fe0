import type { ErrorRecord } from '../errors.ts';
import type { JsonValue } from '../json.ts';
import type {
  JobRecord,
  NewStage,
  NewTask,
  StageCounts,
  StageRecord,
  StageRef,
  TaskRecord,
  TaskRef,
} from '../ports/state-store.ts';
import { isOpen } from '../states.ts';

export interface TaskRow {
  readonly ref: TaskRef;
  readonly key: string;
  readonly handler: string;
  readonly input: JsonValue;
  readonly createdAt: number;
  status: TaskRecord['status'];
  attempt: number;
  handedBack: number;
  worker: string | null;
  leaseUntil: number;
  dueAt: number;
  /** null: with its stage's first messages. */
  sentAt: number | null;
  claimedAt: number;
  progress: number | null;
  result: JsonValue;
  error: ErrorRecord | null;
  startedAt: number | null;
  completedAt: number | null;
}

export interface StageRow extends NewStage {
  readonly ref: StageRef;
  readonly tasks: TaskRow[];
  published: number;
  startedAt: number;
  updatedAt: number;
  completedAt: number | null;
  takenOver: number;
}

export interface JobRow {
  record: JobRecord;
  sentAt: number | null;
  callback: 'none' | 'due' | 'delivered';
  /** The first of the earlier runs whose completed tasks this one takes over; null: it does everything itself. */
  readonly takenOverRun: number | null;
}

export function newTaskRow(ref: StageRef, stage: NewStage, task: NewTask, number: number, now: number): TaskRow {
  return {
    ref: { jobId: ref.jobId, run: ref.run, stage: ref.stage, task: number },
    key: task.key,
    handler: stage.handler,
    input: structuredClone(task.input),
    createdAt: now,
    status: 'queued',
    attempt: 0,
    handedBack: 0,
    worker: null,
    leaseUntil: 0,
    dueAt: 0,
    sentAt: null,
    claimedAt: 0,
    progress: null,
    result: null,
    error: null,
    startedAt: null,
    completedAt: null,
  };
}

export function keyOf(ref: StageRef): string {
  return `${ref.jobId}/${ref.run}/${ref.stage}`;
}

export function refOf({ jobId, run, stage }: StageRef): StageRef {
  return { jobId, run, stage };
}

function countsOf(tasks: readonly TaskRow[]): StageCounts {
  const count = (...statuses: readonly string[]) => tasks.filter((task) => statuses.includes(task.status)).length;
  return {
    total: tasks.length,
    queued: count('queued'),
    processing: count('processing', 'retrying'),
    completed: count('completed'),
    failed: count('failed'),
    cancelled: count('cancelled'),
  };
}

export function stageRecord(stage: StageRow): StageRecord {
  const { name, handler, parallelism, policy, published } = stage;
  const reported = stage.tasks.filter((task) => task.status === 'processing').map((task) => task.progress);
  const known = reported.filter((progress) => progress !== null);
  return {
    name,
    handler,
    parallelism,
    policy,
    published,
    number: stage.ref.stage,
    counts: countsOf(stage.tasks),
    runningProgress: known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / reported.length,
    startedAt: new Date(stage.startedAt),
    completedAt: dateOrNull(stage.completedAt ?? endOf(stage)),
  };
}

/** When the stage's last task ended; null while one is open. */
export function endOf({ tasks, startedAt }: StageRow): number | null {
  if (tasks.some(({ status }) => isOpen(status))) return null;
  return tasks.reduce((latest, task) => Math.max(latest, task.completedAt ?? 0), startedAt);
}

export function taskRecord(task: TaskRow): TaskRecord {
  const { key, handler, status, attempt, handedBack, progress, worker, error } = task;
  return {
    ...task.ref,
    key,
    handler,
    status,
    attempt,
    handedBack,
    progress,
    worker,
    error,
    createdAt: new Date(task.createdAt),
    startedAt: dateOrNull(task.startedAt),
    completedAt: dateOrNull(task.completedAt),
  };
}

function dateOrNull(time: number | null): Date | null {
  return time === null ? null : new Date(time);
}
