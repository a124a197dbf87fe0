import { isActive, isOpen, jobMoves, taskMoves } from '../../core/states.ts';
import type { JobRow, StageRow, TaskRow } from '../../core/testing/memory-rows.ts';
import type { ModelOutput } from './shapes.ts';
import { Violation, type World } from './world.ts';

interface SeenTask {
  readonly status: TaskRow['status'];
  readonly attempt: number;
  readonly leaseUntil: number;
  /** The whole row, once it has ended. */
  readonly final: string | null;
}

interface SeenJob {
  readonly status: JobRow['record']['status'];
  readonly run: number;
  readonly stage: number;
  readonly final: string | null;
}

/** What must hold after every single step, compared with the step before. */
export class StepChecks {
  readonly #world: World;
  readonly #tasks = new Map<string, SeenTask>();
  readonly #closed = new Map<string, number>();
  #job: SeenJob | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  check(): void {
    const [error] = this.#world.unexpected;
    if (error) fail(`a process threw: ${error instanceof Error ? error.stack : error}`);
    const { jobs, stages } = this.#world.store.rows();
    for (const job of jobs) this.#checkJob(job, stages);
    for (const stage of stages) {
      this.#checkStage(stage);
      for (const task of stage.tasks) this.#checkTask(task);
    }
    this.#checkAdvances();
  }

  #checkJob({ record }: JobRow, stages: readonly StageRow[]): void {
    const { status, run, stage } = record;
    const final = isActive(status) ? null : JSON.stringify([status, record.result, record.error, record.completedAt]);
    const before = this.#job;
    this.#job = { status, run, stage, final };
    if (!before) {
      if (status !== 'queued' || run !== 1 || stage !== 1) fail(`the job begins as ${status}, run ${run}`);
      return;
    }
    if (run !== before.run) {
      if (run !== before.run + 1 || isActive(before.status) || status !== 'queued' || stage !== 1) {
        fail(`run ${run} begins as ${status} at stage ${stage}, after ${before.status} in run ${before.run}`);
      }
      return;
    }
    const moves: readonly string[] = jobMoves[before.status];
    if (before.final !== final && (before.final || !moves.includes(status))) {
      fail(`the job moves from ${before.final ?? before.status} to ${final ?? status}`);
    }
    if (status !== before.status && status === 'queued') fail(`the job goes back to queued in run ${run}`);
    if (stage !== before.stage) checkAdvance(before, record, stages);
    if (status !== before.status && status.startsWith('completed')) checkCompletion(record, stages);
  }

  #checkStage({ ref, completedAt, tasks }: StageRow): void {
    const key = `${ref.run}/${ref.stage}`;
    const before = this.#closed.get(key);
    if (before !== undefined && completedAt !== before) fail(`stage ${key} is closed twice`);
    if (completedAt === null) return;
    this.#closed.set(key, completedAt);
    const waiting = tasks.filter(({ status }) => status === 'queued' || status === 'retrying');
    if (waiting.length > 0) fail(`stage ${key} is closed with ${waiting.length} waiting tasks`);
  }

  #checkTask(task: TaskRow): void {
    const { ref, status, attempt, leaseUntil } = task;
    const key = `${ref.run}/${ref.stage}/${ref.task}`;
    const before = this.#tasks.get(key);
    const final = isOpen(status) ? null : JSON.stringify(task);
    if (before && before.status === status && before.attempt === attempt && before.leaseUntil === leaseUntil) {
      if (final !== before.final) fail(`task ${key} is overwritten after its end: ${before.final} by ${final}`);
      return;
    }
    this.#tasks.set(key, { status, attempt, leaseUntil, final });
    if (before) this.#checkMove(key, before, task);
    else if (status !== 'queued') fail(`task ${key} begins as ${status}`);
  }

  #checkMove(key: string, before: SeenTask, { ref, status, attempt, result }: TaskRow): void {
    if (before.final) fail(`task ${key} moves from its end ${before.final} to ${status}`);
    const moves: readonly string[] = taskMoves[before.status];
    if (status !== before.status && !moves.includes(status)) fail(`task ${key} moves ${before.status} -> ${status}`);
    const claimed = attempt !== before.attempt;
    if (claimed && (attempt !== before.attempt + 1 || status !== 'processing')) {
      fail(`task ${key} goes from attempt ${before.attempt} to ${attempt} as ${status}`);
    }
    if (claimed && before.status === 'processing' && before.leaseUntil > this.#world.time.now) {
      fail(`task ${key} is claimed while attempt ${before.attempt} holds its lease`);
    }
    if (claimed && !this.#isCurrent(ref)) fail(`task ${key} is claimed though its job has ended or gone on`);
    if (!claimed && before.status !== 'processing' && status === 'processing') fail(`task ${key} runs unclaimed`);
    const author = (result as ModelOutput | null)?.attempt;
    if (status === 'completed' && author !== attempt) {
      fail(`task ${key} is at attempt ${attempt} but took the result of attempt ${author}`);
    }
  }

  /** Whether the job is at work in this run and stage; a claim leaves the job as it was before. */
  #isCurrent({ run, stage }: TaskRow['ref']): boolean {
    const job = this.#job;
    return job !== null && isActive(job.status) && job.run === run && job.stage === stage;
  }

  #checkAdvances(): void {
    const { advances } = this.#world;
    const twice = advances.find((key, index) => advances.indexOf(key) !== index);
    if (twice) fail(`two workers advanced stage ${twice}`);
  }
}

function checkAdvance(before: SeenJob, { run, stage }: JobRow['record'], stages: readonly StageRow[]): void {
  if (stage !== before.stage + 1) fail(`the job jumps from stage ${before.stage} to ${stage}`);
  const left = stages.find(({ ref }) => ref.run === run && ref.stage === before.stage);
  if (!left) fail(`the job leaves stage ${before.stage}, which was never planned`);
  if (left.completedAt === null) fail(`the job leaves stage ${before.stage}, which is not closed`);
  const open = left.tasks.filter(({ status }) => isOpen(status)).length;
  if (open > 0) fail(`the job leaves stage ${before.stage} with ${open} open tasks`);
}

function checkCompletion({ run, totalStages }: JobRow['record'], stages: readonly StageRow[]): void {
  const own = stages.filter(({ ref }) => ref.run === run);
  if (own.length !== totalStages) fail(`the job completes after ${own.length} of ${totalStages} stages`);
  const open = own.flatMap(({ tasks }) => tasks).filter(({ status }) => isOpen(status)).length;
  if (open > 0) fail(`the job completes with ${open} open tasks`);
}

export function fail(message: string): never {
  throw new Violation(message);
}
