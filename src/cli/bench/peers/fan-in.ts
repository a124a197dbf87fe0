const quietMs = 10;

/**
 * For queues without a fan-in that starts at once: notices when the tasks of a fan have ended. It asks when none of
 * them has ended for a moment, so that the asking costs next to nothing while they run, and survives a lost process:
 * the next one asks as well.
 */
export class FanInWatch {
  readonly #isDone: (label: string) => Promise<boolean>;
  readonly #start: (label: string) => Promise<void>;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(isDone: (label: string) => Promise<boolean>, start: (label: string) => Promise<void>) {
    this.#isDone = isDone;
    this.#start = start;
  }

  /** A task of the fan has ended. */
  ended(label: string): void {
    const timer = this.#timers.get(label);
    if (timer) timer.refresh();
    else
      this.#timers.set(
        label,
        setTimeout(() => void this.#ask(label), quietMs),
      );
  }

  async #ask(label: string): Promise<void> {
    this.#timers.delete(label);
    if (await this.#isDone(label)) await this.#start(label);
    else this.ended(label);
  }
}
