import { appendFileSync, closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { BrokerMessage, MessageSections } from './broker/message.ts';
import type { QueueChange } from './broker/queue.ts';

interface Line {
  readonly queue: string;
  readonly sequence: number;
  readonly message?: Omit<BrokerMessage, 'sections'> & {
    readonly sections: Record<keyof MessageSections, string | null>;
  };
}

/**
 * What the queues hold, as an append-only file of JSON lines. Changes of one turn of the event loop are written
 * together; the file is rewritten with what is left whenever the emulator starts.
 */
export class Journal {
  readonly #file: string;
  readonly #descriptor: number;
  #waiting: string[] = [];

  private constructor(file: string) {
    this.#file = file;
    this.#descriptor = openSync(file, 'a');
  }

  /** The journal and the messages it holds, by the name of their queue. A torn last line is left out. */
  static open(file: string): { journal: Journal; messages: Map<string, BrokerMessage[]> } {
    const live = new Map<string, Map<number, BrokerMessage>>();
    for (const line of readLines(file)) {
      const queue = live.get(line.queue) ?? new Map<number, BrokerMessage>();
      live.set(line.queue, queue);
      if (line.message) queue.set(line.sequence, { ...line.message, sections: decodeSections(line.message.sections) });
      else queue.delete(line.sequence);
    }
    writeFileSync(`${file}.new`, '');
    renameSync(`${file}.new`, file);
    const messages = [...live].map(([name, queue]): [string, BrokerMessage[]] => [name, [...queue.values()]]);
    return { journal: new Journal(file), messages: new Map(messages) };
  }

  readonly record = (change: QueueChange): void => {
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push(`${JSON.stringify(lineOf(change))}\n`);
  };

  flush(): void {
    if (this.#waiting.length === 0) return;
    appendFileSync(this.#descriptor, this.#waiting.join(''));
    this.#waiting = [];
  }

  close(): void {
    this.flush();
    closeSync(this.#descriptor);
  }

  get file(): string {
    return this.#file;
  }
}

function lineOf(change: QueueChange): Line {
  if (change.kind === 'remove') return { queue: change.queue, sequence: change.sequence };
  const { message } = change;
  return {
    queue: change.queue,
    sequence: message.sequence,
    message: { ...message, sections: encodeSections(message.sections) },
  };
}

function readLines(file: string): Line[] {
  if (!existsSync(file)) return [];
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
