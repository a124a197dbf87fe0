import type { UpkeepReport } from '../../core/upkeep/index.ts';

/** What is delivered to a worker, or sent by a client. */
export interface Letter {
  readonly kind: 'submit' | 'force' | 'jobs' | 'tasks';
  readonly body: unknown;
  readonly label: string;
}

/** One statement, message or handler's run that waits for its turn. */
export interface Operation {
  readonly process: Process;
  readonly label: string;
  /** Does it, all at once. */
  readonly effect: () => Promise<unknown>;
  readonly kind: 'store' | 'queue' | 'handler' | 'callback';
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A worker's handling of one message, one upkeep run or one request: what a crash ends. */
export interface Process {
  readonly name: string;
  /** What comes again when the process fails; null for upkeep and cancel. */
  readonly letter: Letter | null;
  state: 'running' | 'done' | 'failed' | 'crashed';
  frozen: boolean;
  /** Each operation with its outcome and time: together they determine what the process does next. */
  readonly history: string[];
  report: UpkeepReport | null;
}
