import { CoreMachineError } from '../errors.ts';
import type { TaskRef } from '../ports/state-store.ts';
import type { Engine } from './engine.ts';

/** Why a handler was told to stop. */
export type AbortCause = 'cancelled' | 'lost' | 'timeout' | 'shutdown';

/** How often progress that moved is stored: whoever waits for a long task is to see that it lives. */
const progressMs = 5000;
/** Timers fire a little early. */
const timerSlackMs = 50;

/**
 * The right to work on one task. Renews its lease three times in its life, and every 5 s while its progress moves. Tells
 * the handler to stop when the job was cancelled, the lease went to somebody else, the time is over or the host shuts
 * down. `stop` ends it.
 */
export class Lease {
  readonly #engine: Engine;
  readonly #ref: TaskRef;
  readonly #attempt: number;
  readonly #controller = new AbortController();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  readonly #timeout: ReturnType<typeof setTimeout>;
  readonly #shutdown: AbortSignal | undefined;
  #heldUntil: number;
  #renewing = false;
  #cause: AbortCause | null = null;
  #progress: number | null = null;
  readonly #renewEveryMs: number;
  #lastRenewal = Date.now();
  #storedProgress: number | null = null;

  constructor(
    engine: Engine,
    ref: TaskRef,
    options: { readonly attempt: number; readonly timeoutSeconds: number; readonly shutdown?: AbortSignal },
  ) {
    this.#engine = engine;
    this.#ref = ref;
    this.#attempt = options.attempt;
    this.#heldUntil = Date.now() + engine.leaseMs;
    this.#renewEveryMs = engine.leaseMs / 3;
    this.#heartbeat = setInterval(() => this.#beat(), Math.min(this.#renewEveryMs, progressMs));
    this.#timeout = setTimeout(() => this.#abort('timeout'), options.timeoutSeconds * 1000);
    this.#shutdown = options.shutdown;
    this.#shutdown?.addEventListener('abort', this.#onShutdown, { once: true });
    if (this.#shutdown?.aborted) this.#abort('shutdown');
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get cause(): AbortCause | null {
    return this.#cause;
  }

  report(fraction: number): void {
    if (Number.isFinite(fraction)) this.#progress = Math.min(1, Math.max(0, fraction));
  }

  /** No more heartbeats: the attempt has come to its end. */
  stop(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timeout);
    this.#shutdown?.removeEventListener('abort', this.#onShutdown);
  }

  readonly #onShutdown = () => this.#abort('shutdown');

  /** Progress that has moved is worth a renewal before its time. */
  #beat(): void {
    const due = Date.now() - this.#lastRenewal >= this.#renewEveryMs - timerSlackMs;
    if (due || this.#progress !== this.#storedProgress) void this.#renew();
  }

  async #renew(): Promise<void> {
    if (this.#renewing) return this.#giveUpIfOver();
    this.#renewing = true;
    const asked = Date.now();
    const progress = this.#progress;
    try {
      const renewal = { attempt: this.#attempt, leaseMs: this.#engine.leaseMs, progress };
      const state = await this.#engine.store.renewLease(this.#ref, renewal);
      this.#lastRenewal = asked;
      this.#storedProgress = progress;
      if (state === 'held') this.#heldUntil = asked + this.#engine.leaseMs;
      else this.#abort(state);
    } catch {
      // The store may be back before the lease runs out.
      this.#giveUpIfOver();
    } finally {
      this.#renewing = false;
    }
  }

  #giveUpIfOver(): void {
    if (Date.now() >= this.#heldUntil) this.#abort('lost');
  }

  #abort(cause: AbortCause): void {
    if (this.#cause) return;
    this.#cause = cause;
    this.#controller.abort(abortError(cause));
  }
}

function abortError(cause: AbortCause): CoreMachineError {
  switch (cause) {
    case 'cancelled':
      return new CoreMachineError('CANCELLED', 'the job has ended');
    case 'timeout':
      return new CoreMachineError('TIMEOUT', "the task took longer than its handler's limit");
    case 'lost':
      return new CoreMachineError('WORKER_LOST', 'the lease ran out and may be held by another worker');
    case 'shutdown':
      return new CoreMachineError('WORKER_LOST', 'the host is shutting down');
  }
}
