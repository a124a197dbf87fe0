import { deliverCallback } from '../machine/callback.ts';
import { closeStageIfDone } from '../machine/close-stage.ts';
import type { Engine } from '../machine/engine.ts';
import { type UpkeepReport, upkeepBatch } from './report.ts';

/** A callback is left to the worker that finished the job for this long. */
const callbackPatienceMs = 30_000;

/** Takes the step that a worker died before: closes finished stages, delivers callbacks. */
export async function stages(engine: Engine, patienceMs: number = callbackPatienceMs): Promise<UpkeepReport> {
  const found = await engine.store.findStagesToClose(upkeepBatch);
  for (const ref of found) await closeStageIfDone(engine, ref);
  const due = engine.onJobComplete ? await engine.store.findCallbacksDue(patienceMs, upkeepBatch) : [];
  let delivered = 0;
  for (const job of due) if (await deliverCallback(engine, job)) delivered += 1;
  return {
    scanned: found.length + due.length,
    fixed: found.length + delivered,
    actions: [
      ...found.map((ref) => `closed stage ${ref.stage} of job ${ref.jobId}`),
      ...due.map((job) => `called back for job ${job.jobId}`),
    ],
  };
}
