import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A span as the collector received it, ids in hexadecimal, times in milliseconds. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly failed: boolean;
  readonly attributes: Attributes;
  readonly resource: Attributes;
  readonly linkedTraces: readonly string[];
}

type Attributes = Readonly<Record<string, string | number | boolean>>;

/** The last value of one series: a counter's sum, or a histogram's count and sum. */
interface Series {
  readonly name: string;
  readonly labels: Attributes;
  readonly value: number;
  readonly sum: number;
}

export interface OtlpCollector {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Of each request: what was asked for and with which headers. */
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** Sum of the series with these labels, over all processes: a counter's value, or how often a histogram was told. */
  total(name: string, labels?: Attributes): number;
  /** Sum of a histogram's values. */
  sum(name: string, labels?: Attributes): number;
  /** Every label of every series of every metric. */
  labels(): readonly (readonly [string, unknown])[];
  metricNames(): readonly string[];
  close(): Promise<void>;
}

/** A collector for OTLP/HTTP with JSON on a free port. */
export async function startCollector(): Promise<OtlpCollector> {
  const spans: ReceivedSpan[] = [];
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  const series = new Map<string, Series>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      requests.push({ path: request.url ?? '', headers: request.headers });
      const json = JSON.parse(body) as TraceRequest & MetricRequest;
      spans.push(...receivedSpans(json));
      for (const [key, one] of receivedSeries(json)) series.set(key, one);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const matching = (name: string, labels: Attributes) =>
    [...series.values()].filter(
      (one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
    );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    total: (name, labels = {}) => matching(name, labels).reduce((total, { value }) => total + value, 0),
    sum: (name, labels = {}) => matching(name, labels).reduce((total, { sum }) => total + sum, 0),
    labels: () => [...series.values()].flatMap((one) => Object.entries(one.labels)),
    metricNames: () => [...new Set([...series.values()].map(({ name }) => name))],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface KeyValue {
  readonly key: string;
  readonly value: { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean };
}

interface TraceRequest {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly kind: number;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes: readonly KeyValue[];
        readonly status: { readonly code: number };
        readonly links?: readonly { readonly traceId: string }[];
      }[];
    }[];
  }[];
}

interface DataPoint {
  readonly attributes: readonly KeyValue[];
  readonly asInt?: number | string;
  readonly asDouble?: number;
  readonly count?: number | string;
  readonly sum?: number;
}

interface MetricRequest {
  readonly resourceMetrics?: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly sum?: { readonly dataPoints: readonly DataPoint[] };
        readonly histogram?: { readonly dataPoints: readonly DataPoint[] };
      }[];
    }[];
  }[];
}

/** Of OTLP's status codes. */
const errorStatus = 2;

function receivedSpans({ resourceSpans = [] }: TraceRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || null,
        name: span.name,
        kind: span.kind,
        startMs: Number(BigInt(span.startTimeUnixNano) / 1_000_000n),
        endMs: Number(BigInt(span.endTimeUnixNano) / 1_000_000n),
        failed: span.status.code === errorStatus,
        attributes: attributesOf(span.attributes),
        resource: attributesOf(resource.attributes),
        linkedTraces: (span.links ?? []).map(({ traceId }) => traceId),
      })),
    ),
  );
}

/** Values are cumulative: a later report of the same series by the same process takes the earlier one's place. */
function* receivedSeries({ resourceMetrics = [] }: MetricRequest): Generator<[string, Series]> {
  for (const { resource, scopeMetrics } of resourceMetrics) {
    for (const { name, sum, histogram } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      for (const point of [...(sum?.dataPoints ?? []), ...(histogram?.dataPoints ?? [])]) {
        const labels = attributesOf(point.attributes);
        const value = Number(point.count ?? point.asInt ?? point.asDouble ?? 0);
        const key = JSON.stringify([attributesOf(resource.attributes)['service.instance.id'], name, labels]);
        yield [key, { name, labels, value, sum: point.sum ?? 0 }];
      }
    }
  }
}

function attributesOf(pairs: readonly KeyValue[]): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plainValue(value)]));
}

function plainValue({ stringValue, intValue, doubleValue, boolValue }: KeyValue['value']): string | number | boolean {
  return stringValue ?? boolValue ?? doubleValue ?? Number(intValue);
}
