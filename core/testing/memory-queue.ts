import type { JobMessage, MessageQueue, OutgoingMessage, TaskMessage } from '../ports/message-queue.ts';

export type QueuedMessage =
  | { readonly queue: 'jobs'; readonly message: OutgoingMessage<JobMessage> }
  | { readonly queue: 'tasks'; readonly message: OutgoingMessage<TaskMessage> };

/** A message queue in memory. Duplicates of an id are dropped, scheduled messages wait for the given clock. */
export class MemoryQueue implements MessageQueue {
  readonly #now: () => number;
  readonly #seen = new Set<string>();
  readonly #waiting: QueuedMessage[] = [];

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async sendJobMessages(messages: readonly OutgoingMessage<JobMessage>[]): Promise<void> {
    for (const message of messages) this.#enqueue({ queue: 'jobs', message });
  }

  async sendTaskMessages(messages: readonly OutgoingMessage<TaskMessage>[]): Promise<void> {
    for (const message of messages) this.#enqueue({ queue: 'tasks', message });
  }

  /** The first message that is due, removed from the queue; undefined when there is none. */
  take(): QueuedMessage | undefined {
    const index = this.#waiting.findIndex(({ message }) => dueAt(message) <= this.#now());
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  /** When the next message will be due, in ms since the epoch; null when the queue is empty. */
  nextDue(): number | null {
    if (this.#waiting.length === 0) return null;
    return this.#waiting.reduce(
      (earliest, { message }) => Math.min(earliest, dueAt(message)),
      Number.POSITIVE_INFINITY,
    );
  }

  get length(): number {
    return this.#waiting.length;
  }

  #enqueue(entry: QueuedMessage): void {
    const id = `${entry.queue}/${entry.message.id}`;
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    this.#waiting.push(entry);
  }
}

function dueAt(message: { readonly notBefore?: Date }): number {
  return message.notBefore?.getTime() ?? 0;
}
