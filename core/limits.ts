/** What one payload or stage may hold. Each is checked where it enters, with a clear error. */
export const limits = {
  parametersBytes: 1024 * 1024,
  taskResultBytes: 1024 * 1024,
  /** Of the texts of a page of results; in memory they take several times as much. */
  resultPageBytes: 4 * 1024 * 1024,
  tasksPerStage: 100_000,
  messageBytes: 1024,
  /** A received body over this is not looked into. */
  incomingMessageBytes: 16 * 1024,
  /** A message that waited longer belongs to a job that the reconciler has long seen to. */
  messageAgeMs: 7 * 24 * 60 * 60 * 1000,
} as const;

/** Retryable errors: up to 3 retries, the n-th (from 0) after min(5 s * 2^n, 300 s). */
export const retryPolicy = { maxAttempts: 4, baseSeconds: 5, capSeconds: 300 } as const;

/** The delays before each retry of what is not a handler's to limit. */
export const retryDelaysMs: readonly number[] = Array.from({ length: retryPolicy.maxAttempts - 1 }, (_, failed) =>
  retryDelayMs(failed + 1),
);

export function retryDelayMs(failedAttempt: number): number {
  return Math.min(retryPolicy.baseSeconds * 2 ** (failedAttempt - 1), retryPolicy.capSeconds) * 1000;
}
