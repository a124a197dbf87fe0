import type { ErrorRecord } from '../../core/errors.ts';
import type { EngineStep, NewStage, NewTask, StageRef, StateStore } from '../../core/ports/state-store.ts';
import type { Database, Query } from './database.ts';
import { stageReads, taskMarks } from './job-batches.ts';
import { createStages, stageCreations } from './job-moves.ts';
import { refParameters } from './jobs.ts';
import type { LateMarks } from './late-marks.ts';
import { query } from './sql-files.ts';

const sql = {
  lockJob: query('lock_job'),
  insertStage: query('insert_stage'),
  insertTasks: query('insert_tasks'),
  startJob: query('start_job'),
  takeOverResults: query('take_over_results'),
  takeOverJoins: query('take_over_joins'),
  retryStep: query('retry_step'),
  markJobStarted: query('mark_job_started'),
  noteStageStarted: query('note_stage_started'),
};

/** One statement's tasks: enough to make its round trip cheap, small enough to stay out of the way of memory. */
const chunkTasks = 5_000;
const chunkCharacters = 4 * 1024 * 1024;
/** Stages with more tasks keep none of other jobs waiting for theirs. */
const mostShared = 100;

/** The methods of the store that are about whole stages. */
export function stageStore(
  database: Database,
  late: LateMarks,
): Pick<StateStore, 'createStage' | 'getStages' | 'markTasksPublished' | 'retryStep' | 'markJobStarted'> {
  const reads = stageReads(database);
  const marks = taskMarks(database);
  const creations = stageCreations(database);
  const createAlone = createStages(database.query);
  return {
    async createStage(ref, stage, tasks) {
      const [chunk = { keys: [], inputs: [] }, more] = chunks(tasks);
      // What one statement can do; several do the rest: many tasks, a run that takes over from others.
      const creation = { ref, stage, keys: chunk.keys, inputs: chunk.inputs };
      const alone = async () => (await createAlone([creation]))[0];
      const made = more ? null : await (tasks.length > mostShared ? alone() : creations.do(creation));
      return made ?? database.transaction((tx) => createStage(tx, ref, stage, tasks));
    },
    retryStep: (ref, ...failure) => database.transaction((tx) => retryStep(tx, ref, ...failure)),
    async markJobStarted(ref) {
      await database.query(sql.markJobStarted, refParameters(ref));
    },
    getStages: (jobId, run) => reads.do({ jobId, run }),
    markTasksPublished: (ref, published) => late.do(() => marks.do({ ...ref, published })),
  };
}

async function createStage(
  tx: Query,
  ref: StageRef,
  stage: NewStage,
  tasks: readonly NewTask[],
): ReturnType<StateStore['createStage']> {
  const [job] = await tx<{ readonly id: string; readonly taken_over_run: number | null }>(
    sql.lockJob,
    refParameters(ref),
  );
  if (!job) return 'stale';
  const key = [job.id, ref.run, ref.stage];
  const { name, handler, parallelism, policy } = stage;
  const inserted = await tx(sql.insertStage, [...key, name, handler, parallelism, policy, tasks.length]);
  if (inserted.length === 0) return 'exists';
  for (const { first, keys, inputs } of chunks(tasks)) {
    await tx(sql.insertTasks, [...key, first, keys, inputs]);
  }
  const firstRun = job.taken_over_run;
  const takenOver = firstRun === null ? 0 : await takeOver(tx, ref, key, { firstRun, tasks: tasks.length });
  await tx(sql.noteStageStarted, [...key, name, tasks.length, takenOver]);
  await tx(sql.startJob, [job.id]);
  return takenOver > 0 ? 'resumed' : 'created';
}

async function retryStep(
  tx: Query,
  ref: StageRef,
  step: EngineStep,
  error: ErrorRecord,
  delaysMs: readonly number[],
): ReturnType<StateStore['retryStep']> {
  const [job] = await tx<{ readonly id: string }>(sql.lockJob, refParameters(ref));
  if (!job) return { kind: 'stale' };
  const parameters = [job.id, ref.run, ref.stage, JSON.stringify(error), delaysMs, step];
  const [row] = await tx<{ readonly attempt: number; readonly due: Date | null }>(sql.retryStep, parameters);
  if (!row) return { kind: 'stale' };
  return row.due ? { kind: 'waits', attempt: row.attempt, at: row.due } : { kind: 'used_up' };
}

/** From one run after the other, the last one first, until no task is left that waits. */
async function takeOver(tx: Query, ref: StageRef, key: readonly unknown[], from: TakeOver): Promise<number> {
  await tx(sql.takeOverJoins, []);
  let count = 0;
  for (let run = ref.run - 1; run >= from.firstRun && count < from.tasks; run -= 1) {
    const [row] = await tx<{ readonly taken_over: number }>(sql.takeOverResults, [...key, run]);
    count = row?.taken_over ?? 0;
  }
  return count;
}

interface TakeOver {
  readonly firstRun: number;
  /** How many tasks the stage has. */
  readonly tasks: number;
}

/** Arrays for one statement each: multi-row inserts, because COPY is not to be had everywhere. */
function* chunks(tasks: readonly NewTask[]): Generator<{ first: number; keys: string[]; inputs: string[] }> {
  let chunk = { first: 0, keys: [] as string[], inputs: [] as string[] };
  let characters = 0;
  for (const [number, task] of tasks.entries()) {
    const input = JSON.stringify(task.input) ?? 'null';
    if (chunk.keys.length === chunkTasks || (chunk.keys.length > 0 && characters + input.length > chunkCharacters)) {
      yield chunk;
      chunk = { first: number, keys: [], inputs: [] };
      characters = 0;
    }
    chunk.keys.push(task.key);
    chunk.inputs.push(input);
    characters += input.length;
  }
  if (chunk.keys.length > 0) yield chunk;
}
