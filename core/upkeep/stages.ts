import { toCoreMachineError } from '../errors.ts';
import { deliverCallback } from '../machine/callback.ts';
import { closeStageIfDone } from '../machine/close-stage.ts';
import type { Engine } from '../machine/engine.ts';
import { removeLeftBehind } from '../machine/temporary.ts';
import { type UpkeepReport, upkeepBatch } from './report.ts';

/** A callback is left to the worker that finished the job for this long. */
const callbackPatienceMs = 30_000;

/**
 * Takes the step that a worker died before: closes finished stages, delivers callbacks, removes what runs that
 * are over left. A stage that cannot be closed now, because its job's `finalize` needs something that is away, keeps
 * nothing else waiting; its error is thrown last.
 */
export async function stages(engine: Engine, patienceMs: number = callbackPatienceMs): Promise<UpkeepReport> {
  const found = await engine.store.findStagesToClose(upkeepBatch);
  const failures: unknown[] = [];
  for (const ref of found) {
    await closeStageIfDone(engine, ref).catch((error: unknown) => {
      if (toCoreMachineError(error).code === 'DATABASE_UNAVAILABLE') throw error;
      failures.push(error);
    });
  }
  const due = engine.onJobComplete ? await engine.store.findCallbacksDue(patienceMs, upkeepBatch) : [];
  let delivered = 0;
  for (const job of due) if (await deliverCallback(engine, job)) delivered += 1;
  const left = await removeLeftBehind(engine, upkeepBatch).catch((error: unknown) => {
    failures.push(error);
    return [];
  });
  if (failures.length > 0) throw failures[0];
  return {
    scanned: found.length + due.length + left.length,
    fixed: found.length + delivered + left.length,
    actions: [
      ...found.map((ref) => `closed stage ${ref.stage} of job ${ref.jobId}`),
      ...due.map((job) => `called back for job ${job.jobId}`),
      ...left,
    ],
  };
}
