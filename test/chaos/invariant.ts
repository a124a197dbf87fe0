/** A statement that finds what must not be; a row is a violation. */
export interface Invariant {
  readonly name: string;
  readonly sql: string;
  readonly parameters?: readonly unknown[];
  /** So long the engine may take to bring it about. Default 0. */
  readonly withinMs?: number;
}

/** In which a run is over, for SQL's IN. */
export const jobEnded = `('completed', 'completed_with_errors', 'failed', 'cancelled')`;
