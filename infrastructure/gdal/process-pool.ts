import { CoreMachineError } from '../../core/errors.ts';
import { Turns } from '../turns.ts';
import { GdalProcess, type Outcome } from './gdal-process.ts';
import type { OperationName, Operations, Request } from './protocol.ts';

export interface PoolOptions {
  /** Most processes at a time. */
  readonly size: number;
  readonly cacheMb: number;
  readonly tempFolder: string;
  /** How long a process without work is kept. */
  readonly idleMs: number;
}

export interface RunOptions {
  /** What the operation is called in a TIMEOUT. */
  readonly tool: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Counts from the moment a process takes the request up. */
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** A process above this is not kept: the C library does not give back all that a large raster took. */
const mostIdleRssMb = 600;
const mostReports = 100_000;
const longestTimer = 2 ** 31 - 1;

/** Processes on demand, up to `size`; requests beyond that wait in line. */
export class ProcessPool {
  readonly #options: PoolOptions;
  readonly #turns: Turns;
  readonly #idle = new Map<GdalProcess, NodeJS.Timeout>();
  readonly #all = new Set<GdalProcess>();
  #closed = false;
  #nextId = 1;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#turns = new Turns(options.size);
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
    if (this.#closed) throw closedError();
    await this.#turns.take(options.signal);
    try {
      const request: Request = { id: this.#nextId++, operation, input, config: options.config ?? {} };
      const outcome = await this.#runOn(this.#takeProcess(), request, options);
      // A process that was found dead has done nothing yet: once more, on another.
      if (outcome.type !== 'died' || outcome.started) return outcome;
      return await this.#runOn(this.#takeProcess(), request, options);
    } finally {
      this.#turns.give();
    }
  }

  /** Kills all processes; what runs or waits throws. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#turns.dismiss(closedError());
    await Promise.all([...this.#all].map((process) => this.#discard(process)));
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
      if (this.#closed) throw closedError();
      this.#putBack(process, outcome);
      return outcome;
    } catch (error) {
      await this.#discard(process);
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  #takeProcess(): GdalProcess {
    for (const [process, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(process);
      if (!process.ended) return process;
      this.#all.delete(process);
    }
    if (this.#closed) throw closedError();
    const process = new GdalProcess(this.#options);
    this.#all.add(process);
    return process;
  }

  #putBack(process: GdalProcess, outcome: Outcome): void {
    const spent = outcome.type === 'died' || outcome.usage.rssMb > mostIdleRssMb || outcome.usage.reports > mostReports;
    if (spent) return void this.#discard(process);
    const timer = setTimeout(() => void this.#discard(process), this.#options.idleMs);
    timer.unref();
    this.#idle.set(process, timer);
  }

  async #discard(process: GdalProcess): Promise<void> {
    clearTimeout(this.#idle.get(process));
    this.#idle.delete(process);
    await process.kill();
    this.#all.delete(process);
  }
}

function closedError(): CoreMachineError {
  return new CoreMachineError('GDAL_FAILED', 'GDAL is shut down');
}
