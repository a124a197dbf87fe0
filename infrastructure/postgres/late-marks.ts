/**
 * Marks of sent messages, stored some time after they were made. A mark matters only while its message has no answer:
 * most have one by then, and their mark changes nothing any more; the others share few statements. At once, each would
 * also hold its job's row at the moment when the message's receiver wants it. A mark that is lost, with its process or
 * because the database was away, is like one whose process died before it: the message is sent again.
 */
export class LateMarks {
  readonly #waitMs: number;
  #waiting: (() => Promise<void>)[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #flushing: Promise<void> = Promise.resolve();

  /** With 0 ms each mark is stored before its caller goes on. */
  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  async do(mark: () => Promise<void>): Promise<void> {
    if (this.#waitMs === 0) return mark();
    this.#waiting.push(mark);
    this.#timer ??= setTimeout(() => void this.flush(), this.#waitMs);
  }

  /** Resolves when all marks made so far are stored, or could not be. */
  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const marks = this.#waiting;
    this.#waiting = [];
    // Without its value, which would hold that of every flush before it.
    this.#flushing = Promise.allSettled([this.#flushing, ...marks.map((mark) => mark())]).then(() => {});
    await this.#flushing;
  }
}
