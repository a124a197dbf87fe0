/** One source of invocations: the HTTP port, a queue, a timer. The host stops all of them in the same four steps. */
export interface Listener {
  start(): Promise<void>;
  /** Takes nothing new from now on. */
  pause(): Promise<void>;
  /** Resolves when nothing is in flight any more: functions ended, messages settled, answers written. */
  idle(): Promise<void>;
  /** Releases sockets and links, also with work in flight. */
  close(): Promise<void>;
}

/** Counts work in flight, so that a listener can say when it is idle. */
export class InFlight {
  #count = 0;
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  async track<T>(work: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  idle(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
