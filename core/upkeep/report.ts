/** What one upkeep run looked at and mended. */
export interface UpkeepReport {
  readonly scanned: number;
  readonly fixed: number;
  readonly actions: readonly string[];
}

/** How many rows one run takes of each kind; the rest waits for the next run. */
export const upkeepBatch = 1000;
