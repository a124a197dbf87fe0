import { toCoreMachineError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { CoreMachine } from '../core/machine/core-machine.ts';

/** Between two looks, and how long a worker's lock must be free before it is taken for dead. */
const lookMs = 1000;
/** How long after a death messages that were on their way to the dead are looked for. */
const aftermathMs = 90_000;

/** Looks every second whether a worker died, so that its tasks go on at once and not when their leases run out. */
export class WorkerWatch {
  readonly #machine: CoreMachine;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | null = null;
  #aftermathUntil = 0;

  constructor(machine: CoreMachine, log: Log) {
    this.#machine = machine;
    this.#log = log;
    this.#timer = setInterval(() => this.#tick(), lookMs);
    this.#timer.unref();
    this.#tick();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  #tick(): void {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
  }

  async #look(): Promise<void> {
    try {
      if ((await this.#machine.buryWorkers(lookMs)) > 0) this.#aftermathUntil = Date.now() + aftermathMs;
      if (Date.now() < this.#aftermathUntil) await this.#machine.republishAfterLoss();
    } catch (error) {
      const { code, message } = toCoreMachineError(error);
      this.#log.warn('Upkeep:Failed', { run: 'workers', code, message });
    }
  }
}
