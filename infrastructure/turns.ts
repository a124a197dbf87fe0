interface Place {
  readonly ahead: boolean;
  readonly enter: () => void;
  readonly leave: (reason: unknown) => void;
}

/** A fixed number of turns; who comes when all are taken waits in line. */
export class Turns {
  readonly #waiting: Place[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Throws the signal's reason when it aborts before the turn comes. `ahead`: before all who wait without it, behind those
   * with it.
   */
  take(signal?: AbortSignal, ahead = false): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#waiting.splice(this.#waiting.indexOf(place), 1);
      reject(signal?.reason);
    };
    const place: Place = {
      ahead,
      enter: () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      leave: (reason: unknown) => {
        signal?.removeEventListener('abort', onAbort);
        reject(reason);
      },
    };
    const last = ahead ? this.#waiting.findIndex((other) => !other.ahead) : -1;
    this.#waiting.splice(last < 0 ? this.#waiting.length : last, 0, place);
    signal?.addEventListener('abort', onAbort, { once: true });
    return promise;
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next) next.enter();
    else this.#free += 1;
  }

  /** Sends away everyone in line. */
  dismiss(reason: unknown): void {
    for (const place of this.#waiting.splice(0)) place.leave(reason);
  }
}
