import { deliverCallback } from '../machine/callback.ts';
import { closeStage, failStage } from '../machine/close-stage.ts';
import type { Engine } from '../machine/engine.ts';
import { removeLeftBehind } from '../machine/temporary.ts';
import type { StageRef } from '../ports/state-store.ts';
import { done, outcome, type UpkeepOutcome, upkeepBatch } from './report.ts';

/** How long a stage is left to the worker that ended its last task, and a callback to the one that finished the job. */
const defaultPatienceMs = 30_000;

/**
 * Takes the step that a worker died before: closes stages that are finished or have failed, delivers callbacks, removes
 * what runs that are over left. A stage that cannot be closed now keeps nothing else waiting; its error comes beside what
 * was done.
 */
export async function stages(engine: Engine, patienceMs: number = defaultPatienceMs): Promise<UpkeepOutcome> {
  const found = await engine.store.findStagesToClose(patienceMs, upkeepBatch);
  const failures: unknown[] = [];
  const closed: StageRef[] = [];
  for (const ref of found) if (await done(closeOrFail(engine, ref), failures)) closed.push(ref);
  const due = engine.onJobComplete ? await engine.store.findCallbacksDue(patienceMs, upkeepBatch) : [];
  const told: string[] = [];
  for (const { jobId, run } of due) {
    const end = await engine.store.getDueCallback(jobId, run);
    if (end && (await deliverCallback(engine, end))) told.push(jobId);
  }
  const left = await removeLeftBehind(engine, upkeepBatch).catch((error: unknown) => {
    failures.push(error);
    return [];
  });
  const actions = [
    ...closed.map((ref) => `closed stage ${ref.stage} of job ${ref.jobId}`),
    ...told.map((jobId) => `called back for job ${jobId}`),
    ...left,
  ];
  const scanned = found.length + due.length + left.length;
  return outcome({ scanned, fixed: actions.length, actions }, failures);
}

/** A stage is found because it has no open task, or because it has a failed one, with which its job is to fail. */
async function closeOrFail(engine: Engine, ref: StageRef): Promise<boolean> {
  return (await engine.store.hasOpenTasks(ref)) ? failStage(engine, ref) : closeStage(engine, ref);
}
