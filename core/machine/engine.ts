import type { Instants } from '../instants.ts';
import type { JsonObject } from '../json.ts';
import type { Log } from '../log.ts';
import type { MessageQueue } from '../ports/message-queue.ts';
import type { StateStore } from '../ports/state-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { JobRegistry } from '../registry.ts';
import type { Services } from '../services.ts';
import type { JobEnd } from '../states.ts';

/** What is told when a job has ended. Delivered at least once: the receiver must bear a second call. */
export interface JobCompletion {
  readonly jobId: string;
  readonly jobType: string;
  readonly status: JobEnd;
  readonly result: JsonObject | null;
}

export type CompletionCallback = (completion: JobCompletion) => Promise<void>;

/** Everything the engine works with; put together once, in src/app.ts or by `runJob`. */
export interface Engine {
  readonly registry: JobRegistry;
  readonly store: StateStore;
  readonly queue: MessageQueue;
  readonly services: Services;
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Names this worker in the tasks it holds, e.g. host name and process id. */
  readonly worker: string;
  /** How long a lease lasts without a heartbeat. */
  readonly leaseMs: number;
  /** How long a committed message may stay unsent before its sender is taken for dead. */
  readonly publishGraceMs: number;
  /** How long ended jobs are kept; null: for ever. */
  readonly retentionDays: number | null;
  /** A message that has been in its queue for longer is refused. */
  readonly messageAgeMs: number;
  /** Milliseconds since the epoch, for scheduling messages; what is due is decided by the store's clock. */
  readonly now: () => number;
  readonly instants: Instants;
  readonly onJobComplete: CompletionCallback | null;
}
