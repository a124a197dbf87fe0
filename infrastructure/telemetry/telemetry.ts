import type { Log } from '../../core/log.ts';
import { silentTelemetry, type Telemetry } from '../../core/ports/telemetry.ts';

export interface OtlpTarget {
  /** Of the collector, without the signal's path, e.g. `http://127.0.0.1:4318`. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TelemetryTargets {
  readonly otlp: OtlpTarget | null;
  /** Connection string of Application Insights. */
  readonly azureMonitor: string | null;
}

export interface TelemetryOptions extends TelemetryTargets {
  readonly serviceName: string;
  /** Tells this process from the others of the service. */
  readonly instance: string;
  readonly metricIntervalMs: number;
  readonly log: Log;
}

export interface RunningTelemetry extends Telemetry {
  /** Sends what is left, for at most `limitMs`. */
  close(limitMs: number): Promise<void>;
}

export function telemetryWanted({ otlp, azureMonitor }: TelemetryTargets): boolean {
  return otlp !== null || azureMonitor !== null;
}

/** Telemetry to every target given. Without one no package is loaded, no timer runs and nothing is sent. */
export async function openTelemetry(options: TelemetryOptions): Promise<RunningTelemetry> {
  if (!telemetryWanted(options)) return { ...silentTelemetry, async close() {} };
  const { startOpenTelemetry } = await import('./open-telemetry.ts');
  return startOpenTelemetry(options);
}
