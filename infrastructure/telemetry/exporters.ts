import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Log } from '../../core/log.ts';
import type { OtlpTarget, TelemetryTargets } from './telemetry.ts';
import { Outages, watchedMetrics, watchedSpans } from './watched-exporters.ts';

export interface Exporters {
  readonly spans: readonly SpanExporter[];
  readonly metrics: readonly PushMetricExporter[];
}

/** The exporters of every target; only the packages of those are loaded. */
export async function openExporters(options: TelemetryTargets & { readonly log: Log }): Promise<Exporters> {
  const pairs = [
    ...(options.otlp ? [watched(await otlpExporters(options.otlp), 'OTLP', options.log)] : []),
    ...(options.azureMonitor
      ? [watched(await azureMonitorExporters(options.azureMonitor), 'Azure Monitor', options.log)]
      : []),
  ];
  return { spans: pairs.map(({ spans }) => spans), metrics: pairs.map(({ metrics }) => metrics) };
}

interface Pair {
  readonly spans: SpanExporter;
  readonly metrics: PushMetricExporter;
}

function watched({ spans, metrics }: Pair, target: string, log: Log): Pair {
  const outages = new Outages(target, log);
  return { spans: watchedSpans(spans, outages), metrics: watchedMetrics(metrics, outages) };
}

async function otlpExporters({ endpoint, headers }: OtlpTarget): Promise<Pair> {
  const [{ OTLPTraceExporter }, { OTLPMetricExporter }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/exporter-metrics-otlp-http'),
  ]);
  return {
    spans: new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, headers: { ...headers } }),
    metrics: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics`, headers: { ...headers } }),
  };
}

async function azureMonitorExporters(connectionString: string): Promise<Pair> {
  const { AzureMonitorMetricExporter, AzureMonitorTraceExporter } = await import(
    '@azure/monitor-opentelemetry-exporter'
  );
  // Its offline storage would fill the temporary folder while the service cannot be reached.
  const options = { connectionString, disableOfflineStorage: true };
  return { spans: new AzureMonitorTraceExporter(options), metrics: new AzureMonitorMetricExporter(options) };
}
