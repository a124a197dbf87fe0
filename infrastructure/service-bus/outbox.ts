import type { ServiceBusMessage, ServiceBusMessageBatch, ServiceBusSender } from '@azure/service-bus';
import { toQueueError } from './queue-error.ts';

export interface OutboxOptions {
  readonly sender: ServiceBusSender;
  readonly queue: string;
  /** A try without an answer for this long has failed. The SDK's own limit cannot be set under a minute. */
  readonly tryLimitMs: number;
  readonly onSent: (batch: { readonly messages: number; readonly durationMs: number }) => void;
}

/** Smaller than the service allows, so that one batch does not keep single messages waiting. */
const mostInBatch = 500;

/** One call's messages: done when the service has taken the last of them, failed with the first refusal. */
interface Request {
  unsent: number;
  failed: boolean;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
}

interface Entry {
  readonly message: ServiceBusMessage;
  readonly request: Request;
}

/**
 * Puts what any number of callers send at the same time into common batches, one batch under way at a time. Messages
 * of one batch share one time of delivery: the batch's own envelope repeats that of its first message.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #waiting = new Map<number, Entry[]>();
  #running = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Resolves when the service has accepted every message; rejects with QUEUE_UNAVAILABLE when it has not. */
  send(messages: readonly ServiceBusMessage[]): Promise<void> {
    if (messages.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const request: Request = { unsent: messages.length, failed: false, done: resolve, fail: reject };
      for (const message of messages) {
        const due = message.scheduledEnqueueTimeUtc?.getTime() ?? 0;
        const together = this.#waiting.get(due) ?? [];
        together.push({ message, request });
        this.#waiting.set(due, together);
      }
      this.#start();
    });
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    // Next turn: callers of this one share the first batch.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let due = this.#nextDue(); due !== undefined; due = this.#nextDue()) {
      const entries = this.#take(due);
      if (entries.length > 0) await this.#sendBatch(due, entries);
    }
    this.#running = false;
  }

  #nextDue(): number | undefined {
    const { done, value } = this.#waiting.keys().next();
    return done ? undefined : value;
  }

  /** The next messages of this time, without those whose caller has already been told of a failure. */
  #take(due: number): Entry[] {
    const entries = this.#waiting.get(due) ?? [];
    const taken = entries.slice(0, mostInBatch);
    this.#putBack(due, entries.slice(mostInBatch));
    return taken.filter(({ request }) => !request.failed);
  }

  /** Behind the messages of other times, so that a long run of one does not starve the rest. */
  #putBack(due: number, entries: Entry[]): void {
    this.#waiting.delete(due);
    if (entries.length > 0) this.#waiting.set(due, entries);
  }

  async #sendBatch(due: number, entries: Entry[]): Promise<void> {
    const { sender, queue, onSent } = this.#options;
    const started = performance.now();
    let packed = entries;
    try {
      const batch = await this.#inTime((abortSignal) => sender.createMessageBatch({ abortSignal }));
      packed = pack(batch, entries);
      this.#putBack(due, [...entries.slice(packed.length), ...(this.#waiting.get(due) ?? [])]);
      await this.#inTime((abortSignal) => sender.sendMessages(batch, { abortSignal }));
    } catch (error) {
      for (const { request } of packed) fail(request, toQueueError(error, queue));
      return;
    }
    for (const { request } of packed) settle(request);
    onSent({ messages: packed.length, durationMs: Math.round(performance.now() - started) });
  }

  /**
   * Gives up a try that has no answer, and tries once more: what is sent at the moment a connection breaks is never
   * answered, and the next try opens a new one. Messages that had arrived after all are dropped as duplicates.
   */
  async #inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(this.#options.tryLimitMs);
    try {
      return await work(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      return work(AbortSignal.timeout(this.#options.tryLimitMs));
    }
  }
}

/** As many as fit; at least one always does, because the sender's largest message is far smaller than a batch. */
function pack(batch: ServiceBusMessageBatch, entries: readonly Entry[]): Entry[] {
  const full = entries.findIndex(({ message }) => !batch.tryAddMessage(message));
  if (full === 0) throw new Error('the service takes no message of this size');
  return entries.slice(0, full < 0 ? entries.length : full);
}

function settle(request: Request): void {
  request.unsent -= 1;
  if (request.unsent === 0) request.done();
}

function fail(request: Request, error: unknown): void {
  request.failed = true;
  request.fail(error);
}
