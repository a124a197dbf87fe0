import type { InstantName } from '../../core/instants.ts';
import type { JsonObject } from '../../core/json.ts';
import type { RequestKind } from './acts.ts';
import type { Mutant } from './hurried-store.ts';
import type { Fate, MessageFaults } from './message-faults.ts';

/** What a worker is started with. */
export interface WorkerOptions {
  readonly name: string;
  readonly databaseUrl: string;
  readonly serviceBus: string;
  readonly storage: string;
  /** Where its jobs keep their temporary blobs; no other arena's workers may know them. */
  readonly partsContainer: string;
  readonly tempFolder: string;
  readonly mutant: Mutant | null;
}

/** What a worker is told while it runs. */
export type Order =
  /** Message faults from now on; null: none. Also disarms what `strike` has armed. */
  | { readonly kind: 'messages'; readonly faults: MessageFaults | null }
  /** At the next such instant the worker kills itself, or tells that it is to be frozen. */
  | { readonly kind: 'strike'; readonly instant: InstantName; readonly how: 'kill' | 'freeze' }
  | RequestOrder;

/** A client's request; not to be begun after `before`, in ms since the epoch. Its correlation id is `chaos-{id}`. */
export interface RequestOrder extends UserRequest {
  readonly kind: 'request';
  readonly id: number;
  readonly before: number;
}

/** `jobId`: null for a submission. */
export interface UserRequest {
  readonly what: RequestKind;
  readonly jobType: string;
  readonly body: JsonObject;
  readonly jobId: string | null;
}

/** What a worker tells. */
export type Report =
  | AnswerReport
  | { readonly kind: 'freezing' }
  /** What was done to the messages of a batch. */
  | { readonly kind: 'fates'; readonly fates: readonly Fate[] };

export interface AnswerReport {
  readonly kind: 'answer';
  readonly id: number;
  readonly answer: Answer;
}

/**
 * `began`: the run. `stays`: what was submitted is there already. `refused`: by the rules. `broke`: something was away; it
 * may have been done all the same.
 */
export type Answer =
  | { readonly kind: 'began' | 'stays' | 'cancelled'; readonly jobId: string; readonly run: number }
  | { readonly kind: 'refused' | 'broke'; readonly code: string };
