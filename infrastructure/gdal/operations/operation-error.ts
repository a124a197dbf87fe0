import type { CplReport, FailurePhase } from '../protocol.ts';

/** A failure that knows where it happened. */
export class OperationError extends Error {
  readonly phase: FailurePhase;
  readonly path: string | null;
  /** The reports that are about this failure; null: all of the operation's. */
  readonly reports: readonly CplReport[] | null;

  constructor(
    phase: FailurePhase,
    message: string,
    options: { path?: string; reports?: readonly CplReport[]; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'OperationError';
    this.phase = phase;
    this.path = options.path ?? null;
    this.reports = options.reports ?? null;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
