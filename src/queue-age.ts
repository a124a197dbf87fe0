import type { Telemetry } from '../core/ports/telemetry.ts';

/** What a queue trigger knows of its message; Azure's InvocationContext fits. */
export interface MessageContext {
  readonly triggerMetadata?: Readonly<Record<string, unknown>>;
}

/** Records how long a message waited: from when it could first be received to now. A scheduled one waits from its time on. */
export function recordQueueAge(telemetry: Telemetry, queue: 'jobs' | 'tasks', context?: MessageContext): void {
  const enqueued = context?.triggerMetadata?.enqueuedTimeUtc;
  const time = typeof enqueued === 'string' || enqueued instanceof Date ? new Date(enqueued).getTime() : Number.NaN;
  if (!Number.isNaN(time)) telemetry.record('coremachine.queue.age', (Date.now() - time) / 1000, { queue });
}
