import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Log } from '../../core/log.ts';

type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0];
type Done = (result: Result) => void;

/** Of the SDK's ExportResultCode. */
const success = 0;

/** One warning when a target stops taking telemetry, and no more until it has taken some again. */
export class Outages {
  readonly #target: string;
  readonly #log: Log;
  #down = false;

  constructor(target: string, log: Log) {
    this.#target = target;
    this.#log = log;
  }

  /** `done` that also looks at the result. */
  watch(done: Done): Done {
    return (result) => {
      const down = result.code !== success;
      if (down && !this.#down) this.#warn(result.error);
      this.#down = down;
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
    export: (spans, done) => exporter.export(spans, outages.watch(done)),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

export function watchedMetrics(exporter: PushMetricExporter, outages: Outages): PushMetricExporter {
  const temporality = exporter.selectAggregationTemporality?.bind(exporter);
  const aggregation = exporter.selectAggregation?.bind(exporter);
  return {
    export: (metrics, done) => exporter.export(metrics, outages.watch(done)),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    ...(temporality && { selectAggregationTemporality: temporality }),
    ...(aggregation && { selectAggregation: aggregation }),
  };
}
