import { setTimeout as wait } from 'node:timers/promises';
import type { Meter } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { type CounterName, counterNames, type HistogramName, histogramNames } from '../../core/ports/telemetry.ts';
import { type Exporters, openExporters } from './exporters.ts';
import { GivenIds } from './given-ids.ts';
import { spanWriter } from './span-writer.ts';
import type { RunningTelemetry, TelemetryOptions } from './telemetry.ts';

const scope = 'coremachine';

/** Room for what the tasks of one process end in five seconds, the pause between two batches. */
const spanQueue = 8192;

/** Upper bounds of the buckets, seconds: from a store on the same machine to a raster of hours. */
const buckets: Record<HistogramName, number[]> = {
  'coremachine.task.duration': [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
  'coremachine.task.claim.duration': [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  'coremachine.task.completion.duration': [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  'coremachine.queue.age': [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
};

const units: Record<CounterName, string> = {
  'coremachine.jobs': '{job}',
  'coremachine.tasks': '{task}',
  'coremachine.task.retries': '{retry}',
  'coremachine.messages.refused': '{message}',
  'coremachine.upkeep.fixes': '{fix}',
};

/** Starts the SDK for this process alone: nothing global is registered, so nothing else is instrumented by it. */
export async function startOpenTelemetry(options: TelemetryOptions): Promise<RunningTelemetry> {
  const exporters = await openExporters(options);
  const resource = resourceFromAttributes({
    'service.name': options.serviceName,
    'service.instance.id': options.instance,
  });
  const ids = new GivenIds();
  const traces = new BasicTracerProvider({ resource, idGenerator: ids, spanProcessors: spanProcessors(exporters) });
  const metrics = new MeterProvider({ resource, readers: metricReaders(exporters, options.metricIntervalMs) });
  const { counters, histograms } = instruments(metrics.getMeter(scope));
  return {
    enabled: true,
    span: spanWriter(traces.getTracer(scope), ids),
    count: (name, labels, value = 1) => counters.get(name)?.add(value, labels),
    record: (name, seconds, labels) => histograms.get(name)?.record(Math.max(0, seconds), labels),
    async close(limitMs) {
      const limit = wait(limitMs, undefined, { ref: false });
      await Promise.race([Promise.allSettled([traces.shutdown(), metrics.shutdown()]), limit]);
    },
  };
}

function spanProcessors(exporters: Exporters): BatchSpanProcessor[] {
  return exporters.spans.map((exporter) => new BatchSpanProcessor(exporter, { maxQueueSize: spanQueue }));
}

function metricReaders(exporters: Exporters, exportIntervalMillis: number): PeriodicExportingMetricReader[] {
  const exportTimeoutMillis = Math.min(exportIntervalMillis, 30_000);
  return exporters.metrics.map(
    (exporter) => new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis }),
  );
}

function instruments(meter: Meter) {
  const counters = counterNames.map((name) => [name, meter.createCounter(name, { unit: units[name] })] as const);
  const histograms = histogramNames.map((name) => {
    const advice = { explicitBucketBoundaries: buckets[name] };
    return [name, meter.createHistogram(name, { unit: 's', advice })] as const;
  });
  return { counters: new Map(counters), histograms: new Map(histograms) };
}
