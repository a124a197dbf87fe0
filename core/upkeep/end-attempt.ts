import type { ErrorRecord } from '../errors.ts';
import { taskIdOf } from '../ids.ts';
import type { Engine } from '../machine/engine.ts';
import { taskEnded, timed } from '../machine/observe.ts';
import type { HeldTask } from '../ports/upkeep-store.ts';

/** Ends an attempt whose worker does not, and tells it as that worker would; false when it has ended by itself. */
export async function endAttempt(
  engine: Engine,
  task: HeldTask,
  status: 'failed' | 'cancelled',
  error: ErrorRecord,
): Promise<boolean> {
  const { jobId, run, stage, task: number, attempt, correlationId } = task;
  const ref = { jobId, run, stage, task: number };
  const ended = await timed(
    engine,
    'coremachine.task.completion.duration',
    () => engine.store.endAttempt(ref, attempt, { status, error }),
    (outcome) => ({ outcome }),
  );
  if (ended === 'lost') return false;
  const startedAt = task.claimedAt.getTime();
  const handler = { name: task.handler };
  const observed = { ref, claimed: task, stage: { handler }, correlationId, startedAt, worker: task.worker };
  taskEnded(engine, observed, { status, error });
  const taskId = taskIdOf(jobId, stage, task.key);
  const fields = { jobId, jobType: task.jobType, run, taskId, attempt, correlationId, worker: task.worker };
  const { code, message } = error;
  engine.log.error('Task:Failed', { ...fields, durationMs: engine.now() - startedAt, code, message });
  return true;
}
