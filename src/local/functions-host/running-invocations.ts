export class InvocationTimeoutError extends Error {
  override readonly name = 'InvocationTimeoutError';
}

export class InvocationAbortedError extends Error {
  override readonly name = 'InvocationAbortedError';
}

/**
 * Limits each invocation to a duration and lets the host give up on all of them. A function in the same process cannot be
 * ended from outside: giving up means that its outcome no longer counts and that nobody waits for it.
 */
export class RunningInvocations {
  readonly #giveUp = new Set<(reason: Error) => void>();
  readonly #limitMs: number | null;

  /** `limitMs` null: no limit. */
  constructor(limitMs: number | null) {
    this.#limitMs = limitMs;
  }

  get count(): number {
    return this.#giveUp.size;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const given = Promise.withResolvers<never>();
    const limitMs = this.#limitMs;
    const timer =
      limitMs === null
        ? undefined
        : longTimeout(
            () => given.reject(new InvocationTimeoutError(`The time limit of ${limitMs / 1000} s was reached.`)),
            limitMs,
          );
    this.#giveUp.add(given.reject);
    try {
      return await Promise.race([work(), given.promise]);
    } finally {
      timer?.cancel();
      this.#giveUp.delete(given.reject);
    }
  }

  abort(): void {
    for (const giveUp of this.#giveUp) giveUp(new InvocationAbortedError('The host is stopping.'));
  }
}

const longestTimeoutMs = 2_147_483_647;

/** `setTimeout` for any duration: Node fires at once when given more than 24.8 days. */
export function longTimeout(callback: () => void, delayMs: number): { cancel(): void } {
  const end = Date.now() + delayMs;
  let timer: NodeJS.Timeout;
  const arm = () => {
    const leftMs = Math.max(0, end - Date.now());
    timer = leftMs > longestTimeoutMs ? setTimeout(arm, longestTimeoutMs) : setTimeout(callback, leftMs);
  };
  arm();
  return { cancel: () => clearTimeout(timer) };
}
