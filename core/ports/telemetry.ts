import type { ErrorRecord } from '../errors.ts';

/** The closed list of counters. What each counts and its labels: docs/telemetry.md. */
export const counterNames = [
  'coremachine.jobs',
  'coremachine.tasks',
  'coremachine.task.retries',
  'coremachine.messages.refused',
  'coremachine.upkeep.fixes',
] as const;

/** The closed list of histograms; all values are seconds. */
export const histogramNames = [
  'coremachine.task.duration',
  'coremachine.task.claim.duration',
  'coremachine.task.completion.duration',
  'coremachine.queue.age',
] as const;

export type CounterName = (typeof counterNames)[number];
export type HistogramName = (typeof histogramNames)[number];

/** Labels of a metric: names from closed lists, never an id or a text of a user. */
export type Labels = Readonly<Record<string, string>>;

/** One run of a job: all its spans are one trace. */
export interface RunRef {
  readonly jobId: string;
  readonly run: number;
}

/** Whose span it is. Identity and parent of the span follow from this alone, so that no process has to hand them on. */
export type SpanOf =
  | ({ readonly kind: 'job' } & RunRef)
  | ({ readonly kind: 'stage'; readonly stage: number } & RunRef)
  | ({ readonly kind: 'task'; readonly stage: number; readonly task: number; readonly attempt: number } & RunRef)
  /** An HTTP request; `job` when it was about one. */
  | { readonly kind: 'request'; readonly job: RunRef | null };

/** A piece of work that is over. */
export interface SpanRecord {
  readonly of: SpanOf;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly error: Pick<ErrorRecord, 'code' | 'message'> | null;
  /** The W3C `traceparent` of the caller, who has a trace of its own. */
  readonly caller?: string | undefined;
}

/** Where the engine tells what it did. No method throws or waits. */
export interface Telemetry {
  /** False when nobody listens: what costs a query to tell is then not asked. */
  readonly enabled: boolean;
  span(span: SpanRecord): void;
  count(counter: CounterName, labels: Labels, value?: number): void;
  record(histogram: HistogramName, seconds: number, labels: Labels): void;
}

export const silentTelemetry: Telemetry = { enabled: false, span() {}, count() {}, record() {} };
