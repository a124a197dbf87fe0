import { appendFileSync, closeSync, fstatSync, openSync, readFileSync, renameSync } from 'node:fs';
import type { BrokerMessage, MessageSections } from './broker/message.ts';
import type { QueueChange } from './broker/queue.ts';

interface Line {
  readonly queue: string;
  readonly sequence?: number;
  readonly message?: Omit<BrokerMessage, 'sections'> & {
    readonly sections: Record<keyof MessageSections, string | null>;
  };
  /** A message id the queue has taken, and when: later ones of that id are duplicates. */
  readonly seen?: readonly [id: string, at: number];
}

/** What a queue held when its journal ended. */
export interface StoredQueue {
  readonly messages: ReadonlyMap<number, BrokerMessage>;
  readonly seen: ReadonlyMap<string, number>;
}

/** The file is written anew when it has grown by this much and to more than twice what it was then. */
const compactBytes = 16 * 1024 * 1024;

/**
 * What the queues hold, as an append-only file of JSON lines. Changes of one turn of the event loop are written
 * together. From time to time the file is replaced by one with only what is left, whole or not at all.
 */
export class Journal {
  readonly file: string;
  readonly #compactBytes: number;
  #descriptor: number;
  #waiting: string[] = [];
  #bytes: number;
  #compactAt: number;
  #contents: (() => Iterable<QueueChange>) | null = null;

  constructor(file: string, options: { readonly compactBytes?: number } = {}) {
    this.file = file;
    this.#compactBytes = options.compactBytes ?? compactBytes;
    this.#descriptor = openSync(file, 'a');
    this.#bytes = fstatSync(this.#descriptor).size;
    this.#compactAt = 0;
  }

  /** What the file holds, by the name of the queue. A torn last line is left out. */
  read(): Map<string, StoredQueue> {
    const queues = new Map<string, { messages: Map<number, BrokerMessage>; seen: Map<string, number> }>();
    for (const { queue: name, sequence, message, seen } of readLines(this.file)) {
      const queue = queues.get(name) ?? { messages: new Map(), seen: new Map() };
      queues.set(name, queue);
      if (seen) queue.seen.set(...seen);
      else if (sequence === undefined) continue;
      else if (message) queue.messages.set(sequence, { ...message, sections: decodeSections(message.sections) });
      else queue.messages.delete(sequence);
    }
    return queues;
  }

  /** Begins to keep what `record` is told. `contents`: everything the queues hold, for writing the file anew. */
  start(contents: () => Iterable<QueueChange>): void {
    this.#contents = contents;
    this.#compact();
  }

  readonly record = (change: QueueChange): void => {
    if (!this.#contents) return;
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push(textOf(change));
  };

  flush(): void {
    if (this.#waiting.length === 0) return;
    const text = this.#waiting.join('');
    this.#waiting = [];
    appendFileSync(this.#descriptor, text);
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes >= this.#compactAt) this.#compact();
  }

  close(): void {
    this.flush();
    closeSync(this.#descriptor);
  }

  #compact(): void {
    const draft = openSync(`${this.file}.new`, 'w');
    for (const batch of batches(this.#contents?.() ?? [], 1000)) appendFileSync(draft, batch.map(textOf).join(''));
    this.#bytes = fstatSync(draft).size;
    this.#compactAt = 2 * this.#bytes + this.#compactBytes;
    renameSync(`${this.file}.new`, this.file);
    closeSync(this.#descriptor);
    this.#descriptor = draft;
  }
}

function* batches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function textOf(change: QueueChange): string {
  return `${JSON.stringify(lineOf(change))}\n`;
}

function lineOf(change: QueueChange): Line {
  if (change.kind === 'remove') return { queue: change.queue, sequence: change.sequence };
  if (change.kind === 'seen') return { queue: change.queue, seen: [change.messageId, change.at] };
  const { message } = change;
  return {
    queue: change.queue,
    sequence: message.sequence,
    message: { ...message, sections: encodeSections(message.sections) },
  };
}

function readLines(file: string): Line[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        return text ? [JSON.parse(text) as Line] : [];
      } catch {
        return [];
      }
    });
}

function encodeSections(sections: MessageSections): Record<keyof MessageSections, string | null> {
  const text = (part: Buffer | null) => part?.toString('base64') ?? null;
  return {
    annotations: text(sections.annotations),
    properties: text(sections.properties),
    applicationProperties: text(sections.applicationProperties),
    body: text(sections.body),
  };
}

function decodeSections(sections: Record<keyof MessageSections, string | null>): MessageSections {
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'));
  return {
    annotations: bytes(sections.annotations),
    properties: bytes(sections.properties),
    applicationProperties: bytes(sections.applicationProperties),
    body: bytes(sections.body) ?? Buffer.alloc(0),
  };
}
