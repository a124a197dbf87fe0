import { CoreMachineError } from '../../core/errors.ts';
import { GdalProcess, type Outcome } from './gdal-process.ts';

export interface StockOptions {
  /** Block cache of each process in MB. */
  readonly cacheMb: number;
  readonly tempFolder: string;
  /** How long a process without work is kept. */
  readonly idleMs: number;
}

/** A process above this is not kept: the C library does not give back all that a large raster took. */
const mostIdleRssMb = 600;
const mostReports = 100_000;

/** Which of the idle processes is taken, by the memory it holds. */
export type Preference = 'largest' | 'smallest';

interface Idle {
  readonly timer: NodeJS.Timeout;
  readonly rssMb: number;
}

/** The processes of all pools: one that is idle serves whichever comes first, for a start takes 0.4 s and 140 MB. */
export class ProcessStock {
  readonly #options: StockOptions;
  readonly #idle = new Map<GdalProcess, Idle>();
  readonly #all = new Set<GdalProcess>();
  #closed = false;

  constructor(options: StockOptions) {
    this.#options = options;
  }

  /**
   * An idle process, or a new one. Where the work on rasters prefers the largest and all else the smallest, no more of them
   * grow large than work on rasters at once. Throws GDAL_FAILED when the stock is closed.
   */
  take(preference: Preference): GdalProcess {
    this.assertOpen();
    const sign = preference === 'largest' ? -1 : 1;
    const bySize = [...this.#idle].sort(([, one], [, other]) => sign * (one.rssMb - other.rssMb));
    for (const [process, { timer }] of bySize) {
      clearTimeout(timer);
      this.#idle.delete(process);
      if (!process.ended) return process;
      this.#all.delete(process);
    }
    const process = new GdalProcess(this.#options);
    this.#all.add(process);
    return process;
  }

  /** Keeps the process for the next one who needs it, unless it is dead, too large or has reported too much. */
  putBack(process: GdalProcess, outcome: Outcome): void {
    const spent = outcome.type === 'died' || outcome.usage.rssMb > mostIdleRssMb || outcome.usage.reports > mostReports;
    if (spent) return void this.discard(process);
    const timer = setTimeout(() => void this.discard(process), this.#options.idleMs);
    timer.unref();
    this.#idle.set(process, { timer, rssMb: outcome.usage.rssMb });
  }

  /** Kills the process and waits until it is gone. */
  async discard(process: GdalProcess): Promise<void> {
    clearTimeout(this.#idle.get(process)?.timer);
    this.#idle.delete(process);
    await process.kill();
    this.#all.delete(process);
  }

  assertOpen(): void {
    if (this.#closed) throw closedError();
  }

  /** Kills all processes. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all].map((process) => this.discard(process)));
  }
}

export function closedError(): CoreMachineError {
  return new CoreMachineError('GDAL_FAILED', 'GDAL is shut down');
}
