import type { IncomingMessage, MessageSections, PropertyChanges } from './message.ts';
import { Queue, type QueueChange, type QueueDefinition } from './queue.ts';

/** What a test may do to messages on their way in. Each answers the copies that are stored: none, one or more. */
export type Fault = (queue: string, message: IncomingMessage) => readonly IncomingMessage[];

export interface BrokerOptions {
  readonly queues: readonly QueueDefinition[];
  readonly key: string;
  /** What happens to a lost connection's locks: `release` at once, or `hold` until they run out, as the cloud does. */
  readonly connectionLoss: 'release' | 'hold';
  readonly mergeProperties: (sections: MessageSections, changes: PropertyChanges) => MessageSections;
  readonly record?: (change: QueueChange) => void;
  readonly onReady: (queue: Queue) => void;
  readonly now?: () => number;
}

/** The queues by name (case-insensitive), and what concerns all of them. */
export class Broker {
  readonly key: string;
  readonly now: () => number;
  readonly #options: BrokerOptions;
  readonly #queues = new Map<string, Queue>();
  #fault: Fault | null = null;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.key = options.key;
    this.now = options.now ?? Date.now;
    for (const definition of options.queues) this.create(definition);
  }

  get queues(): readonly Queue[] {
    return [...this.#queues.values()];
  }

  create(definition: QueueDefinition): Queue {
    const { mergeProperties, record = () => {}, onReady: ready } = this.#options;
    const queue = new Queue(definition, { now: this.now, mergeProperties, record, ready });
    this.#queues.set(definition.name.toLowerCase(), queue);
    return queue;
  }

  remove(name: string): boolean {
    return this.#queues.delete(name.toLowerCase());
  }

  /** A queue, or the dead-letter queue of one (`name/$DeadLetterQueue`). */
  find(address: string): Queue | null {
    // Python's client addresses a queue by its whole URL.
    const name = address
      .toLowerCase()
      .replace(/^[a-z]+:\/\/[^/]*/, '')
      .replace(/^\/+/, '');
    const dead = /^(.*)\/\$deadletterqueue$/.exec(name);
    if (!dead) return this.#queues.get(name) ?? null;
    return this.#queues.get(dead[1] ?? '')?.deadLetters ?? null;
  }

  *contents(): Generator<QueueChange> {
    for (const queue of this.#queues.values()) yield* queue.contents();
  }

  accept(queue: Queue, message: IncomingMessage): void {
    const copies = this.#fault ? this.#fault(queue.name, message) : [message];
    for (const copy of copies) queue.enqueue(copy);
  }

  /** For tests of recovery; null ends it. */
  injectFault(fault: Fault | null): void {
    this.#fault = fault;
  }

  connectionLost(owner: string): void {
    if (this.#options.connectionLoss !== 'release') return;
    for (const queue of this.#queues.values()) queue.connectionLost(owner);
  }

  tick(): void {
    for (const queue of this.#queues.values()) queue.tick();
  }
}
