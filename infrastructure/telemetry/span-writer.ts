import {
  type Context,
  type Link,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { SpanOf, SpanRecord, Telemetry } from '../../core/ports/telemetry.ts';
import { withoutSecrets } from '../../core/secrets.ts';
import type { GivenIds } from './given-ids.ts';
import { fixedIds, runIds } from './span-ids.ts';

const longestMessage = 500;

/** Writes pieces of work as spans, each in the trace of its run and below its parent. */
export function spanWriter(tracer: Tracer, ids: GivenIds): Telemetry['span'] {
  return (span) => {
    const options = {
      // A task is not a CONSUMER: Azure Monitor's exporter drops the names of those.
      kind: span.of.kind === 'request' ? SpanKind.SERVER : SpanKind.INTERNAL,
      startTime: span.startedAt,
      attributes: { ...span.attributes, ...(span.error && { 'error.type': span.error.code }) },
      links: linksTo(span),
    };
    const started = ids.during(fixedIds(span.of), () => tracer.startSpan(span.name, options, contextOf(span.of)));
    if (span.error) {
      const message = withoutSecrets(span.error.message).slice(0, longestMessage);
      started.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    // The start may come from the database's clock, the end from this machine's.
    started.end(Math.max(span.startedAt, span.endedAt));
  };
}

function contextOf(of: SpanOf): Context {
  const parent = parentOf(of);
  return parent ? trace.setSpanContext(ROOT_CONTEXT, remote(parent)) : ROOT_CONTEXT;
}

function parentOf(of: SpanOf): { readonly traceId: string; readonly spanId: string } | null {
  if (of.kind === 'request') return of.job && runIds(of.job);
  const fixed = fixedIds(of);
  return fixed?.parentId ? { traceId: fixed.traceId, spanId: fixed.parentId } : null;
}

function remote(ids: { readonly traceId: string; readonly spanId: string }) {
  return { ...ids, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

/** The caller's own trace, when the request came with a valid `traceparent`. */
function linksTo({ caller }: SpanRecord): Link[] {
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(caller ?? '') ?? [];
  return traceId && spanId ? [{ context: remote({ traceId, spanId }) }] : [];
}
