import { createHash } from 'node:crypto';
import type { RunRef, SpanOf } from '../../core/ports/telemetry.ts';

/** W3C ids: 32 and 16 lower-case hexadecimal digits. */
export interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
  /** null for the first span of a trace. */
  readonly parentId: string | null;
}

/**
 * A run's trace: the first 16 bytes of SHA-256 over `job_id:run`; its job span: the 8 bytes after them. Everyone who
 * knows a job's id and run knows its trace, after a crash too, without anything kept or sent.
 */
export function runIds({ jobId, run }: RunRef): { readonly traceId: string; readonly spanId: string } {
  const digest = sha256(`${jobId}:${run}`);
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}

/** The ids that a span has whoever reports it; null when it may have any, as an HTTP request may. */
export function fixedIds(of: SpanOf): SpanIds | null {
  if (of.kind === 'request') return null;
  const run = runIds(of);
  if (of.kind === 'job') return { ...run, parentId: null };
  const stageId = spanId(`${of.jobId}:${of.run}:${of.stage}`);
  if (of.kind === 'stage') return { traceId: run.traceId, spanId: stageId, parentId: run.spanId };
  const taskId = spanId(`${of.jobId}:${of.run}:${of.stage}:${of.task}:${of.attempt}`);
  return { traceId: run.traceId, spanId: taskId, parentId: stageId };
}

function spanId(text: string): string {
  return sha256(text).slice(0, 16);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
