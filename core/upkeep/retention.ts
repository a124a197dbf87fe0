import type { Engine } from '../machine/engine.ts';
import { sweepTemporaryBlobs } from '../machine/temporary-blobs.ts';
import type { UpkeepReport } from './report.ts';

/** Jobs go in small transactions: each takes its stages, tasks and events with it. */
const jobsAtOnce = 20;
const historyDays = 30;

/**
 * Removes jobs that ended before the time they are kept for, old history of upkeep, and blobs that jobs which have ended
 * should have removed. Removing is no repair: fixed is 0.
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
  const swept = await sweepTemporaryBlobs(engine);
  const actions = [
    ...removed.map((id) => `removed job ${id}`),
    ...swept.map((id) => `removed temporary blobs of job ${id}`),
  ];
  return { scanned: removed.length + swept.length, fixed: 0, actions };
}
