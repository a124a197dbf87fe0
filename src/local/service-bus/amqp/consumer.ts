import type { Sender } from 'rhea';
import type { Queue } from '../broker/queue.ts';
import { encodeForDelivery } from './encode.ts';
import { tokenToTag } from './lock-token.ts';
import {
  answerDrain,
  answerFlow,
  isDraining,
  type Outcome,
  type SettledDelivery,
  sendable,
  settleDelivery,
} from './rhea-internals.ts';

const lockLost = {
  condition: 'com.microsoft:message-lock-lost',
  description:
    'The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.',
};

/** A link to a client that receives: hands out messages within its credit and settles them as the client says. */
export class Consumer {
  readonly queue: Queue;
  readonly #sender: Sender;
  readonly #owner: string;
  readonly #forGood: boolean;
  readonly #tokens = new Map<SettledDelivery, string>();
  readonly #answers: { readonly delivery: SettledDelivery; readonly outcome: Outcome }[] = [];
  #answering = false;
  #closed = false;

  constructor(queue: Queue, sender: Sender, owner: string, forGood: boolean) {
    this.queue = queue;
    this.#sender = sender;
    this.#owner = owner;
    this.#forGood = forGood;
    const on = (event: string, handle: (delivery: SettledDelivery) => void) =>
      sender.on(event as never, (context: { delivery: SettledDelivery }) => handle(context.delivery));
    // The service answers with the outcome that it applied; Python's client compares it with what it asked for.
    on('accepted', (delivery) => this.#settle(delivery, 'accepted', (token) => queue.complete(token)));
    on('released', (delivery) => this.#settle(delivery, 'released', (token) => queue.release(token)));
    on('modified', (delivery) => this.#settle(delivery, 'modified', (token) => this.#modified(delivery, token)));
    on('rejected', (delivery) => this.#settle(delivery, 'rejected', (token) => this.#rejected(delivery, token)));
    sender.on('sender_flow', () => {
      this.pump();
      if (isDraining(sender)) answerDrain(sender);
      else answerFlow(sender);
    });
    sender.on('sender_close', () => {
      this.#closed = true;
    });
  }

  get open(): boolean {
    return !this.#closed;
  }

  close(): void {
    this.#closed = true;
  }

  /** Hands out what is ready; false when nothing could go. */
  pump(): boolean {
    let sent = false;
    for (let room = this.#closed ? 0 : sendable(this.#sender); room > 0; room -= 1) {
      if (!(this.#forGood ? this.#sendForGood() : this.#sendLocked())) break;
      sent = true;
    }
    return sent;
  }

  #sendLocked(): boolean {
    const lock = this.queue.take(this.#owner);
    if (!lock) return false;
    const encoded = encodeForDelivery(lock.message, lock.lockedUntil);
    const delivery = this.#sender.send(encoded, tokenToTag(lock.token), 0) as SettledDelivery;
    this.#tokens.set(delivery, lock.token);
    return true;
  }

  #sendForGood(): boolean {
    const message = this.queue.takeForGood();
    if (!message) return false;
    const delivery = this.#sender.send(encodeForDelivery(message, null), undefined, 0);
    (delivery as unknown as { settled: boolean }).settled = true;
    return true;
  }

  #settle(delivery: SettledDelivery, outcome: Outcome, act: (token: string) => boolean): void {
    const token = this.#tokens.get(delivery);
    if (token === undefined) return;
    this.#tokens.delete(delivery);
    this.#answers.push({ delivery, outcome: act(token) ? outcome : lockLost });
    this.#answer();
  }

  #modified(delivery: SettledDelivery, token: string): boolean {
    const state = delivery.remote_state ?? {};
    const changes = plainMap(state.message_annotations);
    return state.undeliverable_here ? this.queue.defer(token, changes) : this.queue.abandon(token, changes);
  }

  #rejected(delivery: SettledDelivery, token: string): boolean {
    const { DeadLetterReason, DeadLetterErrorDescription, ...changes } = plainMap(delivery.remote_state?.error?.info);
    return this.queue.deadLetter(
      token,
      String(DeadLetterReason ?? ''),
      String(DeadLetterErrorDescription ?? ''),
      changes,
    );
  }

  /**
   * rhea merges neighbouring dispositions of one tick into a range with the first one's outcome, whatever the others
   * are: so equal outcomes go together, and a different one waits for the next turn.
   */
  #answer(): void {
    if (this.#answering) return;
    this.#answering = true;
    setImmediate(() => {
      this.#answering = false;
      const first = this.#answers.shift();
      if (!first) return;
      settleDelivery(first.delivery, first.outcome);
      while (first.outcome === 'accepted' && this.#answers[0]?.outcome === 'accepted') {
        const next = this.#answers.shift();
        if (next) settleDelivery(next.delivery, next.outcome);
      }
      if (this.#answers.length > 0) this.#answer();
      this.pump();
    });
  }
}

function plainMap(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...(value as Record<string, unknown>) } : {};
}
