import type { Engine } from '../machine/engine.ts';
import { removeLeftBehind } from '../machine/temporary.ts';
import { type UpkeepReport, upkeepBatch } from './report.ts';

/** Jobs go in small transactions: each takes its stages, tasks and events with it. */
const jobsAtOnce = 20;
const historyDays = 30;

/**
 * Removes jobs that ended before the time they are kept for, old history of upkeep, and what runs left that are over or
 * gone. To remove an old job is no repair: `fixed` counts the leavings alone.
 */
export async function retention(engine: Engine): Promise<UpkeepReport> {
  const removed: string[] = [];
  if (engine.retentionDays !== null) {
    for (;;) {
      const ids = await engine.store.deleteEndedJobs(engine.retentionDays, jobsAtOnce);
      removed.push(...ids);
      if (ids.length < jobsAtOnce) break;
    }
  }
  await engine.store.deleteUpkeepRuns(historyDays);
  const left = await removeLeftBehind(engine, upkeepBatch);
  return {
    scanned: removed.length + left.length,
    fixed: left.length,
    actions: [...removed.map((id) => `removed job ${id}`), ...left],
  };
}
