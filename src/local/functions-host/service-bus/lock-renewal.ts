export interface LockRenewalOptions {
  /** When the lock runs out as last known. */
  readonly lockedUntil: Date;
  /** Asks for more time; answers the new end of the lock. */
  readonly renew: () => Promise<Date>;
  /** From now; nothing is renewed after that. Infinity is allowed. */
  readonly maxDurationMs: number;
  /** Called at most once, when the lock is gone although it should have been held. */
  readonly onLost: (error: unknown) => void;
}

const earliestMs = 10_000;
const shortestPauseMs = 50;

/**
 * Keeps one lock until it is stopped. The SDK's own renewal is keyed by message id, so two messages with one id lose a
 * lock, and it goes on after a reconnect when nobody holds the message any more; this one belongs to one lock token.
 */
export function keepLocked(options: LockRenewalOptions): { stop(): void } {
  const giveUpAt = Date.now() + options.maxDurationMs;
  let lockedUntil = options.lockedUntil;
  let stopped = false;
  let timer: NodeJS.Timeout;

  const arm = () => {
    const leftMs = lockedUntil.getTime() - Date.now();
    const delayMs = Math.max(shortestPauseMs, leftMs - Math.min(leftMs / 2, earliestMs));
    if (Date.now() + delayMs < giveUpAt) timer = setTimeout(() => void renew(), delayMs);
  };
  const renew = async () => {
    try {
      lockedUntil = await options.renew();
    } catch (error) {
      if (stopped) return;
      if (isLockLost(error) || Date.now() >= lockedUntil.getTime()) {
        stopped = true;
        options.onLost(error);
      }
    }
    if (!stopped) arm();
  };

  arm();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

export function isLockLost(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'MessageLockLost';
}
