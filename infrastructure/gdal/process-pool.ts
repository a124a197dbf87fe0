import { CoreMachineError } from '../../core/errors.ts';
import { Turns } from '../turns.ts';
import type { GdalProcess, Outcome } from './gdal-process.ts';
import { closedError, type Preference, type ProcessStock } from './process-stock.ts';
import type { OperationName, Operations, Request } from './protocol.ts';

export interface RunOptions {
  /** What the operation is called in a TIMEOUT. */
  readonly tool: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly ahead?: boolean | undefined;
  /** Counts from the moment a process takes the request up. */
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

const longestTimer = 2 ** 31 - 1;

/** At most `size` requests at a time, each on a process of its own; the others wait in line. */
export class ProcessPool {
  readonly #stock: ProcessStock;
  readonly #preference: Preference;
  readonly #turns: Turns;
  #nextId = 1;

  constructor(stock: ProcessStock, size: number, preference: Preference) {
    this.#stock = stock;
    this.#preference = preference;
    this.#turns = new Turns(size);
  }

  /**
   * Failures of the operation are outcomes. Throws the signal's reason, TIMEOUT, or GDAL_FAILED when the pool closes;
   * by then the process that worked for the request is gone.
   */
  async run<K extends OperationName>(
    operation: K,
    input: Operations[K]['input'],
    options: RunOptions,
  ): Promise<Outcome> {
    this.#stock.assertOpen();
    await this.#turns.take(options.signal, options.ahead);
    try {
      const request: Request = { id: this.#nextId++, operation, input, config: options.config ?? {} };
      const outcome = await this.#runOn(this.#stock.take(this.#preference), request, options);
      // A process that was found dead has done nothing yet: once more, on another.
      if (outcome.type !== 'died' || outcome.started) return outcome;
      return await this.#runOn(this.#stock.take(this.#preference), request, options);
    } finally {
      this.#turns.give();
    }
  }

  /** Sends away who waits in line, kills the processes of this stock; what runs throws. */
  async close(): Promise<void> {
    const closing = this.#stock.close();
    this.#turns.dismiss(closedError());
    await closing;
  }

  async #runOn(process: GdalProcess, request: Request, options: RunOptions): Promise<Outcome> {
    const { tool, signal, timeoutMs, onProgress = () => {} } = options;
    const stop = Promise.withResolvers<never>();
    const abort = () => stop.reject(signal?.reason);
    const late = () => stop.reject(new CoreMachineError('TIMEOUT', `${tool} took longer than ${timeoutMs} ms`));
    const timer = timeoutMs === undefined ? undefined : setTimeout(late, Math.min(timeoutMs, longestTimer));
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      const outcome = await Promise.race([stop.promise, process.run(request, onProgress)]);
      this.#stock.assertOpen();
      this.#stock.putBack(process, outcome);
      return outcome;
    } catch (error) {
      await this.#stock.discard(process);
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }
}
