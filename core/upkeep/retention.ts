import type { Engine } from '../machine/engine.ts';
import type { UpkeepReport } from './report.ts';

/** Jobs go in small transactions: each takes its stages, tasks and events with it. */
const jobsAtOnce = 20;
const historyDays = 30;

/** Removes jobs that ended before the time they are kept for, and old history of upkeep. No repair: fixed is 0. */
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
  return { scanned: removed.length, fixed: 0, actions: removed.map((id) => `removed job ${id}`) };
}
