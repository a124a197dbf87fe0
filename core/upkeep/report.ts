import { toCoreMachineError } from '../errors.ts';

/** What one upkeep run found and mended. */
export interface UpkeepReport {
  /** Rows that were found in need of something: of those that are well none is looked at. */
  readonly scanned: number;
  /** Of these the ones that were mended. */
  readonly fixed: number;
  /** What was done, in words. */
  readonly actions: readonly string[];
}

/** What a run did, though some of it failed: `failure` is thrown when the rest has been told. */
export interface UpkeepOutcome extends UpkeepReport {
  readonly failure?: unknown;
}

/**
 * False when the work answers that nothing was to be done, or when it failed: its error is kept, unless the database is
 * away and all else would fail too.
 */
export async function done(work: Promise<unknown>, failures: unknown[]): Promise<boolean> {
  try {
    return (await work) !== false;
  } catch (error) {
    if (toCoreMachineError(error).code === 'DATABASE_UNAVAILABLE') throw error;
    failures.push(error);
    return false;
  }
}

/** The report with the first failure, if there was one. */
export function outcome(report: UpkeepReport, failures: readonly unknown[]): UpkeepOutcome {
  return failures.length > 0 ? { ...report, failure: failures[0] } : report;
}

/** How many rows one run takes of each kind; the rest waits for the next run. */
export const upkeepBatch = 1000;
