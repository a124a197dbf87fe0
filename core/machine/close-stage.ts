import { CoreMachineError, type ErrorRecord, toCoreMachineError } from '../errors.ts';
import { isObject, type JsonObject, jsonExceeds } from '../json.ts';
import { limits } from '../limits.ts';
import type { JobRecord, StageRecord, StageRef } from '../ports/state-store.ts';
import { isActive, type JobEnd } from '../states.ts';
import { deliverCallback } from './callback.ts';
import type { Engine } from './engine.ts';
import { jobEnded, stageEnded } from './observe.ts';
import { publishJob } from './publish.ts';
import { putOff } from './put-off.ts';
import { readFailures, readResultsByStage } from './stage-results.ts';
import { removeTemporary } from './temporary.ts';

/**
 * "Was I the last of my stage?" Asked after every task's end, by anyone, as often as they like: each task's result is
 * committed before its worker asks, so whoever commits last sees no open task; if two see it, the store lets one win.
 */
export async function closeStageIfDone(engine: Engine, ref: StageRef): Promise<void> {
  if (await engine.store.hasOpenTasks(ref)) return;
  await closeStage(engine, ref);
}

/**
 * For a stage that has no open task: it stays so, and who is at it already does it for all that ask in this process. True
 * when the job has moved on by it.
 */
export async function closeStage(engine: Engine, ref: StageRef): Promise<boolean> {
  const closing = closingStages(engine);
  const key = `${ref.jobId}/${ref.run}/${ref.stage}`;
  const begun = closing.get(key) ?? close(engine, ref).finally(() => closing.delete(key));
  closing.set(key, begun);
  return begun;
}

/**
 * For a stage with a failed task: its job fails with the first of them, if that is what the stage's policy says. What its
 * worker does right after it has stored the failure, by whoever notices that it did not. True when the job has ended.
 */
export async function failStage(engine: Engine, ref: StageRef): Promise<boolean> {
  const [job, stages] = await Promise.all([engine.store.getJob(ref.jobId), engine.store.getStages(ref.jobId, ref.run)]);
  const stage = stages.find(({ number }) => number === ref.stage);
  if (!isCurrent(job, ref) || stage?.policy !== 'fail') return false;
  const first = await engine.store.firstFailure(ref);
  return first !== null && failJob(engine, job, ref, taskFailure(stage.name, first.key, first.error));
}

/** The job is active in this run and stage. */
export function isCurrent(job: JobRecord | null, ref: StageRef): job is JobRecord {
  return job !== null && isActive(job.status) && job.run === ref.run && job.stage === ref.stage;
}

const closingByEngine = new WeakMap<Engine, Map<string, Promise<boolean>>>();

function closingStages(engine: Engine): Map<string, Promise<boolean>> {
  const closing = closingByEngine.get(engine) ?? new Map<string, Promise<boolean>>();
  closingByEngine.set(engine, closing);
  return closing;
}

async function close(engine: Engine, ref: StageRef): Promise<boolean> {
  const [job, stages] = await Promise.all([engine.store.getJob(ref.jobId), engine.store.getStages(ref.jobId, ref.run)]);
  if (!isCurrent(job, ref)) return false;
  const stage = stages.find(({ number }) => number === ref.stage);
  if (!stage) return false;
  const failure = await stageFailure(engine, ref, stage);
  if (failure) return failJob(engine, job, ref, failure);
  if (ref.stage < job.totalStages) return advance(engine, job, ref, stage);
  return complete(engine, job, ref, stages);
}

/** Ends the job as failed; its tasks that have not started are cancelled. False when it had moved on. */
export async function failJob(engine: Engine, job: JobRecord, ref: StageRef, error: ErrorRecord): Promise<boolean> {
  return finish(engine, job, ref, { status: 'failed', result: null, error });
}

/** Ends the job whatever it is doing. False when it had ended already. */
export async function cancelJob(engine: Engine, job: JobRecord): Promise<boolean> {
  const error = new CoreMachineError('CANCELLED', 'the job was cancelled').toRecord();
  const ref = { jobId: job.jobId, run: job.run, stage: job.stage };
  return finish(engine, job, ref, { status: 'cancelled', result: null, error });
}

/** What a failed task means to its job under the stage's policy; null when the job goes on. */
async function stageFailure(engine: Engine, ref: StageRef, stage: StageRecord): Promise<ErrorRecord | null> {
  const { failed, completed } = stage.counts;
  if (failed === 0 || (stage.policy === 'continue' && completed > 0)) return null;
  const first = await engine.store.firstFailure(ref);
  if (!first) return null;
  if (stage.policy === 'fail') return taskFailure(stage.name, first.key, first.error);
  const message = `all ${failed} tasks of stage ${stage.name} failed; the first: ${first.error.message}`;
  return {
    code: 'ALL_TASKS_FAILED',
    message,
    details: [{ path: first.key, code: first.error.code, message: first.error.message }],
  };
}

/** The job's error when a task's failure ends it: the task's own code, and where it happened. */
export function taskFailure(stageName: string, key: string, error: ErrorRecord): ErrorRecord {
  return { ...error, message: `stage ${stageName}, task ${key}: ${error.message}` };
}

async function advance(engine: Engine, job: JobRecord, ref: StageRef, stage: StageRecord): Promise<boolean> {
  if (!(await engine.store.advanceJob(ref))) return false;
  engine.log.info('Stage:Completed', {
    ...ref,
    stageName: stage.name,
    durationMs: Date.now() - stage.startedAt.getTime(),
  });
  stageEnded(engine, job, ref, stage);
  await engine.instants('stage-advanced', ref);
  await publishJob(engine, { ...ref, stage: ref.stage + 1 }, job.correlationId);
  return true;
}

async function complete(
  engine: Engine,
  job: JobRecord,
  ref: StageRef,
  stages: readonly StageRecord[],
): Promise<boolean> {
  let result: JsonObject;
  try {
    result = await buildResult(engine, job, ref, stages);
  } catch (error) {
    const failure = toCoreMachineError(error, 'FINALIZE_FAILED');
    if (await putOff(engine, job, ref, 'finalize', failure)) return false;
    return failJob(engine, job, ref, failure.toRecord());
  }
  await engine.instants('result-built', ref);
  // Before the end is stored: a worker that dies here leaves a job that another one completes.
  await removeTemporary(engine, job);
  const failed = stages.some((stage) => stage.counts.failed > 0);
  return finish(engine, job, ref, { status: failed ? 'completed_with_errors' : 'completed', result, error: null });
}

async function buildResult(
  engine: Engine,
  job: JobRecord,
  ref: StageRef,
  stages: readonly StageRecord[],
): Promise<JsonObject> {
  const definition = engine.registry.get(job.jobType);
  const middle = await definition.finalize({
    params: job.parameters as never,
    job: { id: job.jobId, type: job.jobType, run: job.run },
    results: readResultsByStage(engine, definition, ref, ref.stage) as never,
    stages,
    failures: (name, most) => {
      const stage = definition.stages.find((one) => one.name === name)?.number ?? 0;
      return readFailures(engine, { ...ref, stage }, most);
    },
    services: engine.services,
  });
  const result = { job_type: job.jobType, ...middle, ...tailOf(stages) };
  if (!isObject(result)) throw new CoreMachineError('FINALIZE_FAILED', 'finalize did not return an object');
  if (jsonExceeds(result, limits.taskResultBytes)) {
    throw new CoreMachineError('RESULT_TOO_LARGE', "the job's result is larger than 1 MiB as JSON");
  }
  return result;
}

function tailOf(stages: readonly StageRecord[]): JsonObject {
  const sum = (pick: (stage: StageRecord) => number) => stages.reduce((total, stage) => total + pick(stage), 0);
  const completed = sum((stage) => stage.counts.completed);
  const failed = sum((stage) => stage.counts.failed);
  return {
    stages_completed: stages.length,
    total_tasks_executed: completed + failed,
    tasks_by_status: { completed, failed },
  };
}

async function finish(
  engine: Engine,
  job: JobRecord,
  ref: StageRef,
  end: { readonly status: JobEnd; readonly result: JsonObject | null; readonly error: ErrorRecord | null },
): Promise<boolean> {
  const callback = engine.onJobComplete !== null;
  if (!(await engine.store.finishJob(ref, { ...end, callback }))) return false;
  logEnd(engine, job, end);
  await jobEnded(engine, job, ref, end);
  await engine.instants('job-finished', ref);
  if (end.result === null) await removeTemporary(engine, job);
  if (callback) await deliverCallback(engine, { ...job, status: end.status, result: end.result });
  return true;
}

function logEnd(
  engine: Engine,
  job: JobRecord,
  end: { readonly status: JobEnd; readonly error: ErrorRecord | null },
): void {
  const durationMs = Date.now() - (job.startedAt ?? job.createdAt).getTime();
  const fields = {
    jobId: job.jobId,
    jobType: job.jobType,
    run: job.run,
    status: end.status,
    durationMs,
    correlationId: job.correlationId,
  };
  if (end.status === 'cancelled') engine.log.info('Job:Cancelled', fields);
  else if (end.error) engine.log.error('Job:Failed', { ...fields, code: end.error.code, message: end.error.message });
  else engine.log.info('Job:Completed', fields);
}
