import { CoreMachineError, toCoreMachineError } from '../errors.ts';
import { taskKeyPattern } from '../ids.ts';
import type { FanOutContext, JobDefinition, StageDefinition } from '../job.ts';
import { type JsonValue, jsonExceeds } from '../json.ts';
import { limits } from '../limits.ts';
import type { JobMessage } from '../ports/message-queue.ts';
import type { JobRecord, NewTask, StageRef } from '../ports/state-store.ts';
import { closeStageIfDone, failJob, isCurrent } from './close-stage.ts';
import type { Engine } from './engine.ts';
import { tasksQueued } from './observe.ts';
import { publishTasks } from './publish.ts';
import { putOff } from './put-off.ts';
import { readResults, readResultsByStage } from './stage-results.ts';

/**
 * A job message: plans the job's current stage, once, and publishes its tasks. A message for anything else than the
 * current stage of the current run is dropped. Throws only when the store cannot be reached, or something near it: the
 * message then comes again. `again`: it has been delivered before, and whoever had it may have died of it.
 */
export async function processJobMessage(engine: Engine, message: JobMessage, again = false): Promise<void> {
  const ref: StageRef = { jobId: message.job_id, run: message.run, stage: message.stage };
  const readStages = () => engine.store.getStages(ref.jobId, ref.run);
  const [job, ahead] = await Promise.all([engine.store.getJob(ref.jobId), ref.stage > 1 ? readStages() : null]);
  const status = job?.status;
  if (!isCurrent(job, ref)) {
    engine.log.info('Message:Dropped', { ...ref, reason: status ? `the job is ${status}` : 'no such job' });
    return;
  }
  // A job that is queued has no stage in this run: its first one makes it processing.
  const stages = ahead ?? (job.status === 'queued' ? [] : await readStages());
  const planned = stages.find((stage) => stage.number === ref.stage);
  if (planned) {
    await publishTasks(engine, ref, {
      from: planned.published,
      total: planned.counts.total,
      correlationId: job.correlationId,
      queuedOnly: true,
    });
    await closeStageIfDone(engine, ref);
    return;
  }
  // Else a plan that kills its worker each time would never come to an end.
  if (again && job.startedAt === null) await engine.store.markJobStarted(ref);
  await planStage(engine, job, ref);
}

async function planStage(engine: Engine, job: JobRecord, ref: StageRef): Promise<void> {
  const started = Date.now();
  let stage: StageDefinition;
  let tasks: NewTask[];
  try {
    const definition = engine.registry.get(job.jobType);
    stage = stageOf(definition, ref.stage);
    tasks = await collectTasks(stage, stage.plan(planContext(engine, definition, job, ref)));
  } catch (error) {
    const failure = toCoreMachineError(error, 'PLAN_FAILED');
    if (!(await putOff(engine, job, ref, 'plan', failure))) await failJob(engine, job, ref, failure.toRecord());
    return;
  }
  const { name, parallelism, onFailure, handler } = stage;
  const outcome = await engine.store.createStage(
    ref,
    { name, parallelism, policy: onFailure, handler: handler.name },
    tasks,
  );
  if (outcome === 'stale') return;
  if (outcome === 'created') tasksQueued(engine, job.jobType, handler.name, tasks.length);
  engine.log.info('Job:Planned', { ...ref, stageName: name, tasks: tasks.length, durationMs: Date.now() - started });
  await engine.instants('stage-planned', ref);
  const resumed = outcome === 'resumed';
  const { correlationId } = job;
  await publishTasks(engine, ref, { from: 0, total: tasks.length, correlationId, queuedOnly: resumed });
  if (tasks.length === 0 || resumed) await closeStageIfDone(engine, ref);
}

export function stageOf(definition: JobDefinition, number: number): StageDefinition {
  const stage = definition.stages[number - 1];
  if (stage) return stage;
  throw new CoreMachineError(
    'PLAN_FAILED',
    `${definition.name} has no stage ${number}; was it changed while the job ran?`,
  );
}

function planContext(
  engine: Engine,
  definition: JobDefinition,
  job: JobRecord,
  ref: StageRef,
): FanOutContext<never, never, never> {
  return {
    params: job.parameters as never,
    job: { id: job.jobId, type: job.jobType, run: job.run },
    services: engine.services,
    previous: readResults(engine, { ...ref, stage: ref.stage - 1 }) as never,
    results: readResultsByStage(engine, definition, ref, ref.stage - 1) as never,
  };
}

async function collectTasks(stage: StageDefinition, plan: ReturnType<StageDefinition['plan']>): Promise<NewTask[]> {
  const tasks: NewTask[] = [];
  const keys = new Set<string>();
  for await (const { key, input } of await plan) {
    if (tasks.length === limits.tasksPerStage) {
      throw new CoreMachineError(
        'TOO_MANY_TASKS',
        `stage ${stage.name} would have more than ${limits.tasksPerStage} tasks`,
      );
    }
    if (!taskKeyPattern.test(key) || keys.has(key)) {
      throw new CoreMachineError(
        'PLAN_INVALID',
        `stage ${stage.name}: the task key ${JSON.stringify(key)} is ${keys.has(key) ? 'used twice' : 'malformed'}`,
      );
    }
    keys.add(key);
    tasks.push({ key, input: checkedInput(stage, key, input) });
  }
  return tasks;
}

function checkedInput(stage: StageDefinition, key: string, input: unknown): JsonValue {
  const parsed = stage.handler.input.safeParse(input);
  if (!parsed.success) {
    throw new CoreMachineError(
      'PLAN_INVALID',
      `stage ${stage.name}, task ${key}: the input does not fit ${stage.handler.name}`,
      {
        details: parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
      },
    );
  }
  if (jsonExceeds(input, limits.parametersBytes)) {
    throw new CoreMachineError('PLAN_INVALID', `stage ${stage.name}, task ${key}: the input is larger than 1 MiB`);
  }
  return input as JsonValue;
}
