import type { CoreMachineError } from '../errors.ts';
import { retryDelaysMs } from '../limits.ts';
import type { EventName } from '../log.ts';
import { jobMessage } from '../messages.ts';
import type { EngineStep, JobRecord, StageRef } from '../ports/state-store.ts';
import type { Engine } from './engine.ts';
import { logSendFailure } from './publish.ts';

const events: Readonly<Record<EngineStep, EventName>> = { plan: 'Job:PlanRetried', finalize: 'Job:FinalizeRetried' };
/** In the ids of the messages; attempts count from the first, which had none. */
const marks: Readonly<Record<EngineStep, string>> = { plan: ':a', finalize: ':f' };

/**
 * A step that failed with an error that may pass is taken again later, up to three times, by the message of its stage.
 * False when it is not: the error will not pass, or has not, and the job is to fail with it.
 */
export async function putOff(
  engine: Engine,
  job: JobRecord,
  ref: StageRef,
  step: EngineStep,
  failure: CoreMachineError,
): Promise<boolean> {
  if (!failure.retryable) return false;
  const error = failure.toRecord();
  const retry = await engine.store.retryStep(ref, step, error, retryDelaysMs);
  if (retry.kind !== 'waits') return retry.kind === 'stale';
  const { attempt, at } = retry;
  const { code, message } = error;
  engine.log.warn(events[step], { ...ref, attempt, code, message });
  await engine.instants('retry-stored', ref);
  try {
    const again = { repeat: `${marks[step]}${attempt + 1}`, notBefore: at };
    await engine.queue.sendJobMessages([jobMessage(ref, job.correlationId, again)]);
  } catch (thrown) {
    // The retry is committed: the reconciler sends its message, or takes the step.
    logSendFailure(engine, ref, thrown);
  }
  return true;
}
