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

/** How many rows one run takes of each kind; the rest waits for the next run. */
export const upkeepBatch = 1000;
