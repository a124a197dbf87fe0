import type { Process } from './process.ts';

interface Timer {
  readonly owner: Process;
  readonly run: () => void;
  /** null: fires once. */
  readonly everyMs: number | null;
  due: number;
}

/** Where virtual time begins, ms since the epoch. */
export const timeZero = Date.UTC(2030, 0, 1);

/**
 * The clock of one schedule. While it is installed, Date.now and the timers of the process are its own: time stands
 * still between choices, and a timer that is due waits until the scheduler picks it.
 */
export class VirtualTime {
  now = timeZero;
  readonly #owner: () => Process;
  #timers: Timer[] = [];

  constructor(owner: () => Process) {
    this.#owner = owner;
  }

  get timers(): readonly Timer[] {
    return this.#timers;
  }

  fire(timer: Timer): void {
    if (timer.everyMs === null) this.#remove(timer);
    else timer.due = this.now + timer.everyMs;
    timer.run();
  }

  /** A crashed process takes its timers with it. */
  forget(owner: Process): void {
    this.#timers = this.#timers.filter((timer) => timer.owner !== owner);
  }

  /** What puts the real time back. */
  install(): () => void {
    const { setInterval, setTimeout, clearInterval, clearTimeout } = globalThis;
    const { now } = Date;
    const add = (run: () => void, ms: number, everyMs: number | null): Timer => {
      const timer = { owner: this.#owner(), run, everyMs, due: this.now + ms };
      this.#timers.push(timer);
      return timer;
    };
    const clear = (timer: unknown) => this.#remove(timer);
    Date.now = () => this.now;
    Object.assign(globalThis, {
      setInterval: (run: () => void, ms: number) => add(run, ms, ms),
      setTimeout: (run: () => void, ms: number) => add(run, ms, null),
      clearInterval: clear,
      clearTimeout: clear,
    });
    return () => {
      Date.now = now;
      Object.assign(globalThis, { setInterval, setTimeout, clearInterval, clearTimeout });
    };
  }

  #remove(timer: unknown): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }
}
