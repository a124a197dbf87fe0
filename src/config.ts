import { CoreMachineError, type ErrorDetail } from '../core/errors.ts';
import type { JobSettings } from '../core/services.ts';
import type { DatabaseConfig, ServiceBusConfig, StorageConfig } from './config/connections.ts';
import { connectionProblems, databaseOf, serviceBusOf, storageOf } from './config/connections.ts';
import { type RawSettings, settingsSchema } from './config/settings.ts';
import { unknownSettings } from './config/unknown-settings.ts';

/** The settings in the shape the program uses. Holds credentials: never log it. */
export interface Config {
  readonly database: DatabaseConfig;
  readonly serviceBus: ServiceBusConfig;
  readonly storage: StorageConfig;
  readonly jobQueueName: string;
  readonly taskQueueName: string;
  /** What job types see. */
  readonly jobs: JobSettings;
  readonly features: FeaturesConfig;
  readonly taskLeaseSeconds: number;
  /** How long a committed stage may wait for its messages before the reconciler sends them. */
  readonly publishGraceSeconds: number;
  readonly gdalProcesses: number;
  readonly gdalCacheMb: number;
  readonly tempFolder: string;
  /** null keeps ended jobs for ever. */
  readonly jobRetentionDays: number | null;
  readonly logFormat: 'json' | 'text';
  readonly stacFlavour: 'auto' | 'pgstac' | 'small';
  readonly telemetry: TelemetryConfig;
  readonly upkeepSchedules: UpkeepSchedules;
}

/** Our own OGC API Features. */
export interface FeaturesConfig {
  readonly schemas: readonly string[];
  readonly style: 'table' | 'schema.table';
  readonly statementTimeoutMs: number;
}

/** Where traces and metrics go; nowhere when both targets are null. */
export interface TelemetryConfig {
  readonly otlp: { readonly endpoint: string; readonly headers: Readonly<Record<string, string>> } | null;
  /** Connection string of Application Insights. */
  readonly azureMonitor: string | null;
  readonly serviceName: string;
  readonly metricIntervalMs: number;
}

/** NCRONTAB expressions of six fields, seconds first. */
export interface UpkeepSchedules {
  readonly republish: string;
  readonly leases: string;
  readonly stages: string;
  readonly timeouts: string;
  readonly retention: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads every setting at once; an empty one counts as not set. Throws CONFIGURATION_INVALID whose details name all
 * problems: missing, malformed, contradicting, and names that look like ours and are not. No detail shows a value.
 */
export function readConfig(environment: Environment): Config {
  const given = setOnly(environment);
  const parsed = settingsSchema.safeParse(given);
  const malformed = parsed.error?.issues.map(({ path, message }) => ({ path: path.join('.'), message })) ?? [];
  const problems = [...malformed, ...connectionProblems(given), ...unknownSettings(given)];
  if (problems.length > 0 || !parsed.data) throw invalid(problems);
  return toConfig(parsed.data);
}

function toConfig(settings: RawSettings): Config {
  return {
    database: databaseOf(settings),
    serviceBus: serviceBusOf(settings),
    storage: storageOf(settings),
    jobQueueName: settings.JOB_QUEUE_NAME,
    taskQueueName: settings.TASK_QUEUE_NAME,
    jobs: {
      titilerBaseUrl: settings.TITILER_BASE_URL,
      titilerDialect: settings.TITILER_DIALECT,
      ogcFeaturesBaseUrl: settings.OGC_FEATURES_BASE_URL ?? ownFeaturesUrl(settings),
      ogcCollectionIdStyle: settings.OGC_COLLECTION_ID_STYLE,
      ogcSchemas: settings.OGC_SCHEMAS,
      rasterSizeThresholdMb: settings.RASTER_SIZE_THRESHOLD_MB,
      h3MaxCells: settings.H3_MAX_CELLS,
      cogContainer: settings.COG_CONTAINER,
    },
    features: {
      schemas: settings.OGC_SCHEMAS,
      style: settings.OGC_COLLECTION_ID_STYLE,
      statementTimeoutMs: settings.OGC_QUERY_SECONDS * 1000,
    },
    taskLeaseSeconds: settings.TASK_LEASE_SECONDS,
    publishGraceSeconds: settings.PUBLISH_GRACE_SECONDS,
    gdalProcesses: settings.GDAL_PROCESSES,
    gdalCacheMb: settings.GDAL_CACHE_MB,
    tempFolder: settings.TEMP_FOLDER,
    jobRetentionDays: settings.JOB_RETENTION_DAYS,
    logFormat: settings.LOG_FORMAT,
    stacFlavour: settings.STAC_FLAVOUR,
    telemetry: telemetryOf(settings),
    upkeepSchedules: {
      republish: settings.UPKEEP_REPUBLISH_SCHEDULE,
      leases: settings.UPKEEP_LEASES_SCHEDULE,
      stages: settings.UPKEEP_STAGES_SCHEDULE,
      timeouts: settings.UPKEEP_TIMEOUTS_SCHEDULE,
      retention: settings.UPKEEP_RETENTION_SCHEDULE,
    },
  };
}

/** Core Tools name a host with a port, and have no TLS. */
function ownFeaturesUrl({ WEBSITE_HOSTNAME: host }: RawSettings): string | null {
  return host && `${host.includes(':') ? 'http' : 'https'}://${host}/api/features`;
}

function telemetryOf(settings: RawSettings): TelemetryConfig {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } = settings;
  return {
    otlp: endpoint === null ? null : { endpoint, headers: headers ?? {} },
    azureMonitor: settings.APPLICATIONINSIGHTS_CONNECTION_STRING,
    serviceName: settings.OTEL_SERVICE_NAME,
    metricIntervalMs: settings.OTEL_METRIC_EXPORT_INTERVAL,
  };
}

function setOnly(environment: Environment): Record<string, string> {
  const entries = Object.entries(environment).filter((entry): entry is [string, string] => Boolean(entry[1]?.trim()));
  return Object.fromEntries(entries);
}

function invalid(problems: readonly ErrorDetail[]): CoreMachineError {
  const names = problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new CoreMachineError('CONFIGURATION_INVALID', `the configuration is not usable: ${names}`, {
    details: problems,
  });
}
