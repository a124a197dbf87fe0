import { CoreMachineError, toCoreMachineError } from '../errors.ts';
import type { FanInHandler, Handler, TaskContext } from '../handler.ts';
import { taskIdOf } from '../ids.ts';
import type { StageDefinition } from '../job.ts';
import { containsNul, type JsonValue, jsonExceeds } from '../json.ts';
import { limits, retryDelayMs } from '../limits.ts';
import { repeatMark, taskMessage } from '../messages.ts';
import type { TaskMessage } from '../ports/message-queue.ts';
import type { AttemptEnd, ClaimedTask, TaskRecord, TaskRef } from '../ports/state-store.ts';
import { closeStage, failJob, failStage, isCurrent, taskFailure } from './close-stage.ts';
import type { Engine } from './engine.ts';
import type { LastOut } from './last-out.ts';
import { Lease } from './lease.ts';
import { taskEnded, taskStarted, timed } from './observe.ts';
import { stageOf } from './plan-stage.ts';
import { readResults } from './stage-results.ts';
import { removeTemporaryIfOver } from './temporary.ts';

/** One execution of one task: what was claimed, by which definition, and where its events are logged. */
interface Attempt {
  readonly ref: TaskRef;
  readonly claimed: ClaimedTask;
  readonly stage: StageDefinition;
  readonly log: Engine['log'];
  readonly correlationId: string;
  /** By the engine's clock, right after the claim. */
  readonly startedAt: number;
}

/**
 * A task message: claims the task, runs its handler under a lease, stores how it ended, and asks whether it was the
 * last of its stage. Throws only when the store cannot be reached: the message then comes again.
 */
export async function processTaskMessage(
  engine: Engine,
  lastOut: LastOut,
  message: TaskMessage,
  shutdown?: AbortSignal,
): Promise<void> {
  const ref: TaskRef = { jobId: message.job_id, run: message.run, stage: message.stage, task: message.task };
  await lastOut.leave(engine, ref, () => claimAndExecute(engine, ref, message.correlation_id, shutdown));
}

/** True when it is to be asked whether the stage is done. */
async function claimAndExecute(
  engine: Engine,
  ref: TaskRef,
  correlationId: string,
  shutdown?: AbortSignal,
): Promise<boolean> {
  const claimAs = { worker: engine.worker, leaseMs: engine.leaseMs };
  const claim = await timed(
    engine,
    'coremachine.task.claim.duration',
    () => engine.store.claimTask(ref, claimAs),
    ({ kind }) => ({ outcome: kind }),
  );
  if (claim.kind === 'refused') {
    engine.log.info('Task:Refused', { ...ref, correlationId });
    // It may have been finished by a worker that died before it could ask, or before it could fail the job.
    return !(await failAfterTask(engine, ref));
  }
  if (claim.kind !== 'claimed') {
    await comeBack(engine, ref, correlationId, claim.until);
    return false;
  }
  await engine.instants('task-claimed', ref);
  return executeClaimed(engine, ref, claim.task, correlationId, shutdown);
}

/** The job fails when this very task has failed and its stage is to fail with it. True when the job has ended so. */
async function failAfterTask(engine: Engine, ref: TaskRef): Promise<boolean> {
  const job = await engine.store.getJob(ref.jobId);
  if (!isCurrent(job, ref)) return false;
  return (await readTask(engine, ref))?.status === 'failed' && failStage(engine, ref);
}

async function readTask(engine: Engine, { jobId, run, stage, task }: TaskRef): Promise<TaskRecord | null> {
  const [found] = await engine.store.listTasks(jobId, run, { stage, after: { stage, task: task - 1 }, limit: 1 });
  return found?.task === task ? found : null;
}

/** Somebody else holds the lease, or the retry is not due: look again at that time. */
async function comeBack(engine: Engine, ref: TaskRef, correlationId: string, until: Date): Promise<void> {
  const again = taskMessage(ref, correlationId, { attempt: 0, notBefore: until, repeat: repeatMark() });
  await engine.queue.sendTaskMessages([again]);
}

async function executeClaimed(
  engine: Engine,
  ref: TaskRef,
  claimed: ClaimedTask,
  correlationId: string,
  shutdown?: AbortSignal,
): Promise<boolean> {
  const taskId = taskIdOf(ref.jobId, ref.stage, claimed.key);
  const { attempt, jobType } = claimed;
  const log = engine.log.with({ jobId: ref.jobId, jobType, run: ref.run, taskId, attempt, correlationId });
  const started = Date.now();
  const startedAt = engine.now();
  log.info('Task:Started', {});
  const stage = stageOf(engine.registry.get(jobType), ref.stage);
  const work: Attempt = { ref, claimed, stage, log, correlationId, startedAt };
  taskStarted(engine, work);
  const end = await runToEnd(engine, work, shutdown);
  if (!end) {
    taskEnded(engine, work, null);
    return false;
  }
  await engine.instants('handler-done', ref);
  const ended = await settle(engine, work, end, Date.now() - started);
  await removeTemporaryIfOver(engine, jobType, ref);
  return ended;
}

/** Runs the handler; null when the lease was lost and the end is no longer ours to write. */
async function runToEnd(engine: Engine, work: Attempt, shutdown?: AbortSignal): Promise<AttemptEnd | null> {
  const { claimed, stage, log, ref } = work;
  const { attempts, timeoutSeconds } = stage.handler.limits;
  if ((await attemptsUsed(engine, work)) > attempts) {
    const error = new CoreMachineError('WORKER_LOST', `the worker was lost in each of ${attempts} attempts`);
    return { status: 'failed', error: error.toRecord() };
  }
  const lease = new Lease(engine, ref, { attempt: claimed.attempt, timeoutSeconds, ...(shutdown && { shutdown }) });
  const calling = callHandler(engine, work, lease);
  try {
    const output = await untilAborted(calling, lease.signal);
    return { status: 'completed', result: checkedResult(stage.handler, output) };
  } catch (thrown) {
    if (lease.cause) cleanUpAfter(calling, engine, work);
    if (lease.cause === 'lost') {
      log.warn('Task:LeaseLost', {});
      return null;
    }
    const error = toCoreMachineError(lease.cause ? lease.signal.reason : thrown, 'HANDLER_FAILED');
    if (lease.cause === 'cancelled') return { status: 'cancelled', error: error.toRecord() };
    if (lease.cause === 'shutdown') {
      return { status: 'retrying', error: error.toRecord(), delayMs: 0, handedBack: true };
    }
    const used = await attemptsUsed(engine, work);
    if (!error.retryable || used >= attempts) return { status: 'failed', error: error.toRecord() };
    return { status: 'retrying', error: error.toRecord(), delayMs: retryDelayMs(used) };
  } finally {
    lease.stop();
  }
}

/** How many of its attempts the task has used, this one included: those that were handed back do not count. */
async function attemptsUsed(engine: Engine, { ref, claimed, stage }: Attempt): Promise<number> {
  // Up to the last attempt nobody needs to know.
  if (claimed.attempt < stage.handler.limits.attempts) return claimed.attempt;
  return claimed.attempt - ((await readTask(engine, ref))?.handedBack ?? 0);
}

async function callHandler(engine: Engine, work: Attempt, lease: Lease): Promise<unknown> {
  const { ref, claimed, log } = work;
  const handler: Handler | FanInHandler = work.stage.handler;
  const context: TaskContext = {
    job: { id: ref.jobId, type: claimed.jobType, run: ref.run },
    task: {
      id: taskIdOf(ref.jobId, ref.stage, claimed.key),
      key: claimed.key,
      number: ref.task,
      stage: ref.stage,
      attempt: claimed.attempt,
    },
    signal: lease.signal,
    progress: (fraction) => lease.report(fraction),
    log,
    services: engine.services,
  };
  const input = handler.input.parse(claimed.input);
  if (handler.kind === 'task') return handler.run(input, context);
  return handler.run(input, readResults(engine, { ...ref, stage: work.stage.reads }), context);
}

/** Once the handler has really stopped, which may be long after its signal; nobody waits for it. */
function cleanUpAfter(calling: Promise<unknown>, engine: Engine, { claimed, ref }: Attempt): void {
  const cleanUp = () => removeTemporaryIfOver(engine, claimed.jobType, ref);
  void calling.then(cleanUp, cleanUp).catch(() => {});
}

/** A handler that ignores its signal must not hold the worker: its late result is dropped. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}

function checkedResult(handler: Handler | FanInHandler, output: unknown): JsonValue {
  const parsed = handler.output.safeParse(output);
  if (!parsed.success) {
    throw new CoreMachineError(
      'RESULT_INVALID',
      `${handler.name} returned something its output schema does not allow`,
      {
        details: parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
      },
    );
  }
  if (jsonExceeds(parsed.data, limits.taskResultBytes)) {
    throw new CoreMachineError('RESULT_TOO_LARGE', `${handler.name} returned more than 1 MiB`);
  }
  if (containsNul(parsed.data)) {
    throw new CoreMachineError('RESULT_INVALID', `${handler.name} returned a text with the character U+0000`);
  }
  return parsed.data as JsonValue;
}

/** Stores the end and does what follows from it. True when it is still to be asked whether the stage is done. */
async function settle(engine: Engine, work: Attempt, wanted: AttemptEnd, durationMs: number): Promise<boolean> {
  const { ref, claimed, log } = work;
  const stored = await timed(
    engine,
    'coremachine.task.completion.duration',
    () => engine.store.endAttempt(ref, claimed.attempt, wanted),
    (outcome) => ({ outcome }),
  );
  if (stored === 'lost') {
    taskEnded(engine, work, null);
    log.warn('Task:LeaseLost', { durationMs });
    return false;
  }
  // A job that has ended meanwhile has no retries.
  const end = wanted.status === 'retrying' && stored === 'cancelled' ? { ...wanted, status: stored } : wanted;
  taskEnded(engine, work, end);
  logEnd(work, end, durationMs);
  if (end.status === 'retrying') {
    await engine.instants('retry-stored', ref);
    await sendRetry(engine, work, end.delayMs);
    return false;
  }
  await engine.instants('result-stored', ref);
  if (end.status === 'failed' && work.stage.onFailure === 'fail') {
    const job = await engine.store.getJob(ref.jobId);
    if (job?.run === ref.run) {
      await failJob(engine, job, ref, taskFailure(work.stage.name, claimed.key, end.error));
      return false;
    }
  }
  if (claimed.stageTasks > 1) return true;
  // The only task of its stage need not ask.
  await closeStage(engine, ref);
  return false;
}

/** The retry is committed; if its message cannot be sent, the reconciler sends it. */
async function sendRetry(engine: Engine, work: Attempt, delayMs: number): Promise<void> {
  const { ref, claimed, correlationId, log } = work;
  const notBefore = new Date(engine.now() + delayMs);
  try {
    await engine.queue.sendTaskMessages([taskMessage(ref, correlationId, { attempt: claimed.attempt + 1, notBefore })]);
  } catch (error) {
    const { code, message } = toCoreMachineError(error);
    log.warn('Message:SendFailed', { code, message });
  }
}

function logEnd({ log }: Attempt, end: AttemptEnd, durationMs: number): void {
  if (end.status === 'completed') {
    log.info('Task:Completed', { durationMs });
    return;
  }
  const fields = { durationMs, code: end.error.code, message: end.error.message };
  if (end.status === 'retrying') log.warn('Task:Retried', { ...fields, delayMs: end.delayMs });
  else log.error('Task:Failed', fields);
}
