/** The two queues as docs/deploy.md says to create them in Azure. */
export const jobQueue = 'geospatial-jobs';
export const taskQueue = 'geospatial-tasks';

export function queueDefinitions(lockDurationMs = 60_000) {
  return [jobQueue, taskQueue].map((name) => ({
    name,
    lockDurationMs,
    maxDeliveryCount: 10,
    duplicateDetectionWindowMs: 10 * 60_000,
    defaultTtlMs: null,
    deadLetterOnExpiry: true,
  }));
}
