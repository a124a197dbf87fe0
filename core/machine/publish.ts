import { toCoreMachineError } from '../errors.ts';
import { jobMessage, repeatMark, taskMessage } from '../messages.ts';
import type { StageRef } from '../ports/state-store.ts';
import type { Engine } from './engine.ts';

/** Tasks whose messages go out together; after each such batch the stage remembers how far it has come. */
const publishBatch = 1000;

/**
 * Sends the message for a committed stage. A failure is logged, not thrown: what is committed is found and sent by the
 * reconciler, and the caller's work is done.
 */
export async function publishJob(
  engine: Engine,
  ref: StageRef,
  correlationId: string,
  options: { readonly again?: boolean } = {},
): Promise<boolean> {
  try {
    await engine.queue.sendJobMessages([jobMessage(ref, correlationId, options.again ? { repeat: repeatMark() } : {})]);
    await engine.store.markJobPublished(ref);
  } catch (error) {
    logSendFailure(engine, ref, error);
    return false;
  }
  await engine.instants('job-published', { jobId: ref.jobId, stage: ref.stage });
  return true;
}

/**
 * Sends the messages of tasks [from, total); `queuedOnly`: of those that wait, where some may have been done already. A
 * failure is logged; the reconciler goes on from where it stopped.
 */
export async function publishTasks(
  engine: Engine,
  ref: StageRef,
  tasks: {
    readonly from: number;
    readonly total: number;
    readonly correlationId: string;
    readonly again?: boolean;
    readonly queuedOnly?: boolean;
  },
): Promise<boolean> {
  const repeat = tasks.again ? repeatMark() : '';
  try {
    for (let start = tasks.from; start < tasks.total; start += publishBatch) {
      const end = Math.min(start + publishBatch, tasks.total);
      const numbers = tasks.queuedOnly ? await queuedTasks(engine, ref, start, end) : range(start, end);
      await engine.queue.sendTaskMessages(
        numbers.map((task) => taskMessage({ ...ref, task }, tasks.correlationId, { attempt: 1, repeat })),
      );
      await engine.store.markTasksPublished(ref, end);
    }
  } catch (error) {
    logSendFailure(engine, ref, error);
    return false;
  }
  await engine.instants('tasks-published', { jobId: ref.jobId, stage: ref.stage });
  return true;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}

/** Of the tasks [start, end) those that are queued. */
async function queuedTasks(
  engine: Engine,
  { jobId, run, stage }: StageRef,
  start: number,
  end: number,
): Promise<number[]> {
  const after = { stage, task: start - 1 };
  const page = await engine.store.listTasks(jobId, run, { stage, after, limit: end - start });
  return page.filter(({ task, status }) => task < end && status === 'queued').map(({ task }) => task);
}

export function logSendFailure(engine: Engine, ref: StageRef, error: unknown): void {
  const { code, message } = toCoreMachineError(error);
  engine.log.warn('Message:SendFailed', { jobId: ref.jobId, run: ref.run, stage: ref.stage, code, message });
}
