import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Log } from '../../core/log.ts';

type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0];
type Signal = 'traces' | 'metrics';
type Done = (result: Result) => void;

/** Of the SDK's ExportResultCode. */
const success = 0;

/** One warning when a target stops taking traces or metrics, and no more until it has taken all of them again. */
export class Outages {
  readonly #target: string;
  readonly #log: Log;
  readonly #refused = new Set<Signal>();

  constructor(target: string, log: Log) {
    this.#target = target;
    this.#log = log;
  }

  /** `done` that also looks at the result. */
  watch(signal: Signal, done: Done): Done {
    return (result) => {
      if (result.code === success) this.#refused.delete(signal);
      else if (this.#refused.size === 0) this.#warn(result.error);
      if (result.code !== success) this.#refused.add(signal);
      done(result);
    };
  }

  #warn(error: Error | undefined): void {
    const message = `${this.#target} takes no telemetry; it is dropped until it does`;
    this.#log.warn('System:Warning', { component: 'telemetry', message, reason: error?.message.slice(0, 300) });
  }
}

export function watchedSpans(exporter: SpanExporter, outages: Outages): SpanExporter {
  return {
    export: (spans, done) => exporter.export(spans, outages.watch('traces', done)),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

export function watchedMetrics(exporter: PushMetricExporter, outages: Outages): PushMetricExporter {
  const temporality = exporter.selectAggregationTemporality?.bind(exporter);
  const aggregation = exporter.selectAggregation?.bind(exporter);
  return {
    export: (metrics, done) => exporter.export(metrics, outages.watch('metrics', done)),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    ...(temporality && { selectAggregationTemporality: temporality }),
    ...(aggregation && { selectAggregation: aggregation }),
  };
}
