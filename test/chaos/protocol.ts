import type { InstantName } from '../../core/instants.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Mutant } from './hurried-store.ts';
import type { Fate, MessageFaults } from './message-faults.ts';

/** What a worker is started with. */
export interface WorkerOptions {
  readonly name: string;
  readonly databaseUrl: string;
  readonly serviceBus: string;
  readonly storage: string;
  readonly tempFolder: string;
  readonly mutant: Mutant | null;
}

/** What a worker is told while it runs. */
export type Order =
  /** Message faults from now on; null: none. Also disarms what `strike` has armed. */
  | { readonly kind: 'messages'; readonly faults: MessageFaults | null }
  /** At the next such instant the worker kills itself, or tells that it is to be frozen. */
  | { readonly kind: 'strike'; readonly instant: InstantName; readonly how: 'kill' | 'freeze' }
  | SubmitOrder;

/** A client's request; not to be begun after `before`, in ms since the epoch. */
export interface SubmitOrder {
  readonly kind: 'submit';
  readonly id: number;
  readonly jobType: string;
  readonly body: JsonObject;
  readonly before: number;
}

/** What a worker tells. */
export type Report =
  | { readonly kind: 'submitted'; readonly id: number; readonly jobId: string }
  | { readonly kind: 'refused'; readonly id: number; readonly error: string }
  | { readonly kind: 'freezing' }
  /** What was done to the messages of a batch. */
  | { readonly kind: 'fates'; readonly fates: readonly Fate[] };
