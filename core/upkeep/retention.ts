import type { Engine } from '../machine/engine.ts';
import { removeLeftBehind } from '../machine/temporary.ts';
import { outcome, type UpkeepOutcome, upkeepBatch } from './report.ts';

/** Jobs go in small transactions: each takes its stages with it. */
const jobsAtOnce = 20;
/** Tasks and events that one statement removes: few enough for its time limit when each holds megabytes. */
const rowsAtOnce = 2000;
const historyDays = 30;

/**
 * Removes jobs that ended before the time they are kept for, old history of upkeep, and what runs left that are over or
 * gone; what fails keeps none of the others from being done. To remove an old job is no repair: `fixed` counts the
 * leavings alone.
 */
export async function retention(engine: Engine): Promise<UpkeepOutcome> {
  const { store } = engine;
  const removed: string[] = [];
  let left: readonly string[] = [];
  const parts = [
    () => removeEndedJobs(engine, removed),
    () => store.deleteUpkeepRuns(historyDays),
    async () => {
      left = await removeLeftBehind(engine, upkeepBatch);
    },
  ];
  const failures: unknown[] = [];
  // Also after DATABASE_UNAVAILABLE: a statement that took too long is one too, and would keep the others waiting for good.
  for (const part of parts) await part().catch((error: unknown) => failures.push(error));
  const actions = [...removed.map((id) => `removed job ${id}`), ...left];
  return outcome({ scanned: actions.length, fixed: left.length, actions }, failures);
}

/** What a failure comes after has been told in `removed`. */
async function removeEndedJobs({ store, retentionDays }: Engine, removed: string[]): Promise<void> {
  if (retentionDays === null) return;
  for (;;) {
    while ((await store.emptyEndedJobs(retentionDays, jobsAtOnce, rowsAtOnce)) >= rowsAtOnce);
    const ids = await store.deleteEndedJobs(retentionDays, jobsAtOnce);
    removed.push(...ids);
    if (ids.length < jobsAtOnce) return;
  }
}
