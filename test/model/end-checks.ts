import { isDeepStrictEqual } from 'node:util';
import { retryPolicy } from '../../core/limits.ts';
import type { JobRecord } from '../../core/ports/state-store.ts';
import { isActive, isOpen } from '../../core/states.ts';
import type { StageRow, TaskRow } from '../../core/testing/memory-rows.ts';
import { type StageShape, taskValue } from './shapes.ts';
import { fail } from './step-checks.ts';
import type { World } from './world.ts';

/** What must hold when nothing is left to do: the job got what its handlers deserve, once, and nothing is open. */
export function checkEnd(world: World): void {
  const [job] = world.store.rows().jobs;
  if (!job) fail('the job was never stored');
  const { record } = job;
  if (isActive(record.status)) fail(`the job is still ${record.status} at stage ${record.stage}`);
  for (const { ref, tasks, completedAt } of world.store.rows().stages) {
    if (completedAt === null) fail(`stage ${ref.run}/${ref.stage} was never closed`);
    const open = tasks.filter(({ status }) => isOpen(status)).length;
    if (open > 0) fail(`stage ${ref.run}/${ref.stage} has ${open} open tasks`);
  }
  checkCallback(world, job.callback, record);
  if (record.status === 'cancelled') {
    if (world.cancelled === 'no') fail('the job is cancelled and nobody asked for it');
    return;
  }
  if (world.cancelled === 'told' && record.run === 1) fail(`cancelled, and yet ${record.status}`);
  checkDeserved(world, record);
}

function checkCallback(world: World, state: string, { run, status, result }: JobRecord): void {
  if (state !== 'delivered') fail(`the callback is ${state}`);
  const calls = world.completions.filter((completion) => completion.run === run);
  const right = calls.some((call) => call.status === status && isDeepStrictEqual(call.result, result));
  if (!right) fail(`no callback told of run ${run}'s end as ${status}`);
}

function checkDeserved(world: World, record: JobRecord): void {
  const rows = world.store.rows().stages.filter(({ ref }) => ref.run === record.run);
  const stages = rows.toSorted((a, b) => a.ref.stage - b.ref.stage);
  for (const [index, shape] of world.shape.stages.entries()) {
    const stage = stages[index];
    if (!stage) fail(`stage ${index + 1} was never planned`);
    const codes = failureOf(stage, shape);
    if (codes.length === 0) continue;
    if (record.status !== 'failed') fail(`the job is ${record.status} though stage ${index + 1} failed`);
    if (!codes.includes(record.error?.code ?? '')) fail(`the job's error is ${record.error?.code}, not ${codes}`);
    if (record.result !== null || stages.length > index + 1) fail('the job went on after its failure');
    return;
  }
  const tasks = stages.flatMap((stage) => stage.tasks);
  const failed = tasks.filter(({ status }) => status === 'failed').length;
  const deserved = failed > 0 ? 'completed_with_errors' : 'completed';
  if (record.status !== deserved) fail(`the job is ${record.status} and deserves ${deserved}`);
  const expected = {
    job_type: world.shape.definition.name,
    values: expectedValues(world.shape.stages, stages),
    stages_completed: stages.length,
    total_tasks_executed: tasks.length,
    tasks_by_status: { completed: tasks.length - failed, failed },
  };
  if (!isDeepStrictEqual(record.result, expected)) {
    fail(`the result is ${JSON.stringify(record.result)}, not ${JSON.stringify(expected)}`);
  }
}

/** The codes with which this stage may have failed its job; none when the job goes on. */
function failureOf({ tasks, ref }: StageRow, shape: StageShape): readonly string[] {
  if (tasks.length !== shape.tasks) fail(`stage ${ref.stage} has ${tasks.length} tasks, not ${shape.tasks}`);
  for (const task of tasks) checkTask(task, shape);
  const failed = tasks.filter(({ status }) => status === 'failed');
  if (failed.length === 0) {
    if (tasks.some(({ status }) => status === 'cancelled'))
      fail(`tasks of stage ${ref.stage} are cancelled for nothing`);
    return [];
  }
  if (shape.policy === 'fail') return failed.map(({ error }) => error?.code ?? '');
  return tasks.some(({ status }) => status === 'completed') ? [] : ['ALL_TASKS_FAILED'];
}

/** A task fails when it deserves it, or when it has used up its attempts. */
function checkTask({ ref, status, attempt }: TaskRow, shape: StageShape): void {
  const deserves = shape.failing.includes(ref.task);
  if (status === 'completed' && deserves) fail(`task ${ref.stage}/${ref.task} completed, and always fails`);
  if (status === 'failed' && !deserves && attempt < retryPolicy.maxAttempts) {
    fail(`task ${ref.stage}/${ref.task} failed at attempt ${attempt} without reason`);
  }
}

function expectedValues(shapes: readonly StageShape[], stages: readonly StageRow[]): readonly (readonly number[])[] {
  const values: number[][] = [];
  for (const [index, shape] of shapes.entries()) {
    const done = stages[index]?.tasks.filter(({ status }) => status === 'completed') ?? [];
    const previous = values.at(-1) ?? [];
    const total = previous.reduce((all, value) => all + value, 0);
    values.push(done.map(({ ref }) => (shape.kind === 'sum' ? total : taskValue(ref.stage, ref.task))));
  }
  return values;
}
