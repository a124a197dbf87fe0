import { access } from 'node:fs/promises';
import { CoreMachineError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { GdalRunOptions } from '../../core/ports/gdal.ts';
import { probeBlob } from './azure-probe.ts';
import { failureCode } from './failure-code.ts';
import type { Outcome } from './gdal-process.ts';
import type { ProcessPool } from './process-pool.ts';
import type { Failure, OperationName, Operations } from './protocol.ts';
import { redact, withoutFolders } from './redact.ts';

export interface ExecuteOptions extends GdalRunOptions {
  /** What the operation is called in errors and in the log. */
  readonly tool: string;
  readonly sources?: readonly GdalSource[];
  /** Local files besides the sources; errors show their names only. */
  readonly files?: readonly string[];
}

const mostWarnings = 3;

/** Runs operations in a pool and turns what comes of them into results, errors of ours and lines in the log. */
export class Executor {
  readonly #pool: ProcessPool;
  readonly #log: Log;

  constructor(pool: ProcessPool, log: Log) {
    this.#pool = pool;
    this.#log = log;
  }

  async execute<K extends OperationName>(
    operation: K,
    input: Operations[K]['input'],
    options: ExecuteOptions,
  ): Promise<Operations[K]['output']> {
    const started = performance.now();
    const outcome = await this.#pool.run(operation, input, options).catch((error: unknown) => {
      const code = error instanceof CoreMachineError ? error.code : 'aborted';
      this.#log.warn('Gdal:Run', { tool: options.tool, durationMs: elapsed(started), code });
      throw error;
    });
    const durationMs = elapsed(started);
    if (outcome.type === 'done') {
      this.#logSuccess(outcome, options, durationMs);
      // Of this operation's type: the child answers the request with this id.
      return outcome.output as Operations[K]['output'];
    }
    const error = outcome.type === 'died' ? diedError(outcome, options) : await toError(outcome.failure, options);
    this.#log.warn('Gdal:Run', { tool: options.tool, durationMs, code: error.code, message: error.message });
    throw error;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #logSuccess(outcome: Extract<Outcome, { type: 'done' }>, options: ExecuteOptions, durationMs: number): void {
    const { tool } = options;
    this.#log.info('Gdal:Run', { tool, durationMs, peakRssMb: Math.round(outcome.usage.peakRssMb) });
    for (const { number, level, message } of outcome.reports.slice(0, mostWarnings)) {
      this.#log.warn('Gdal:Warning', { tool, level, number, message: presentable(message, options) });
    }
  }
}

function elapsed(since: number): number {
  return Math.round(performance.now() - since);
}

function diedError(outcome: Extract<Outcome, { type: 'died' }>, options: ExecuteOptions): CoreMachineError {
  const words = outcome.lastWords ? `: ${outcome.lastWords}` : '';
  return new CoreMachineError(
    'GDAL_FAILED',
    presentable(`${options.tool}: the GDAL process died (${outcome.reason})${words}`, options),
  );
}

async function toError(failure: Failure, options: ExecuteOptions): Promise<CoreMachineError> {
  const code = failureCode(failure);
  const better = failure.phase === 'run' ? null : await sourceError(failure, code, options);
  if (better) return new CoreMachineError(better.code, presentable(better.message, options));
  return new CoreMachineError(code, presentable(`${options.tool}: ${failure.message}`, options));
}

/** What the place that a source was read from says about it, where that says more than GDAL. */
async function sourceError(
  failure: Failure,
  code: CoreMachineError['code'],
  options: ExecuteOptions,
): Promise<CoreMachineError | null> {
  const opened = options.sources?.find(({ path }) => path === failure.path);
  if (!opened || failure.phase === 'refused') return null;
  const source = { ...opened, path: opened.refersTo ?? opened.path };
  const probe = await probeBlob(source);
  if (probe) return probe.found ? null : probe.error;
  if (code !== 'FILE_UNREADABLE' || !source.path.startsWith('/') || source.path.startsWith('/vsi')) return null;
  const missing = await access(source.path).then(
    () => false,
    () => true,
  );
  return missing ? new CoreMachineError('FILE_NOT_FOUND', `there is no file '${source.path}'`) : null;
}

function presentable(text: string, options: ExecuteOptions): string {
  const paths = [...(options.sources ?? []).map(({ path }) => path), ...(options.files ?? [])];
  return redact(withoutFolders(text, paths), options.config ?? {});
}
