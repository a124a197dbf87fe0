import { availableParallelism, tmpdir } from 'node:os';
import { z } from 'zod';
import { boundedInteger, choice, httpUrl, keyValues, matching, text } from './values.ts';

export const settingGroups = [
  'Database',
  'Service Bus',
  'Blob storage',
  'Links in results',
  'Features API',
  'Jobs and tasks',
  'Raster work',
  'Upkeep',
  'Logging',
  'Telemetry',
  'Azure Functions and identity',
] as const;

export interface SettingDoc {
  readonly group: (typeof settingGroups)[number];
  readonly meaning: string;
  /** Never shown, logged or stored. */
  readonly secret?: boolean;
  /** The value in local.settings.example.json; the default, or empty, when left out. */
  readonly example?: string;
  /** What happens when it is not set, in words; left out when the default itself says it. */
  readonly otherwise?: string;
  /** Also read, or only read, by the Functions host or Azure's SDK. */
  readonly readBy?: 'host' | 'host and program' | 'Azure SDK';
}

export const settingDocs = z.registry<SettingDoc>();

const entityName = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?$/;
const containerName = /^(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*$/;
const schedule = /^(?:[\d*/,\-A-Za-z]+ ){5}[\d*/,\-A-Za-z]+$/;
const namespaceHost = /^[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+$/;

const hostAndPort = /^[A-Za-z0-9.-]+(?::\d{1,5})?$/;

const entityNameSetting = () => matching(entityName, 'the name of a Service Bus queue');
const scheduleSetting = () => matching(schedule, 'a schedule of six fields, seconds first');

/** Every setting there is: its kind, its default and its documentation. All are read from the environment. */
export const settingsSchema = z.object({
  DATABASE_URL: text().nullable().default(null).register(settingDocs, {
    group: 'Database',
    meaning: 'PostgreSQL as one URL, `postgresql://user:password@host:port/database?sslmode=verify-full`.',
    secret: true,
    example: 'postgresql://postgres:postgres@127.0.0.1:5432/postgres',
    otherwise: 'the `PG…` settings are used',
  }),
  DATABASE_AUTH: choice(['password', 'entra']).default('password').register(settingDocs, {
    group: 'Database',
    meaning: '`entra`: sign in with a token of the managed identity instead of a password.',
  }),
  PGHOST: text().nullable().default(null).register(settingDocs, {
    group: 'Database',
    meaning: 'Server name. This and the other `PG…` settings count only without `DATABASE_URL`.',
    otherwise: 'required without `DATABASE_URL`',
  }),
  PGPORT: boundedInteger(1, 65_535).default(5432).register(settingDocs, {
    group: 'Database',
    meaning: 'Port.',
  }),
  PGDATABASE: text().nullable().default(null).register(settingDocs, {
    group: 'Database',
    meaning: 'Database.',
    otherwise: 'required without `DATABASE_URL`',
  }),
  PGUSER: text().nullable().default(null).register(settingDocs, {
    group: 'Database',
    meaning: 'Role; with `entra` the one that was made for the identity.',
    otherwise: 'required without `DATABASE_URL`',
  }),
  PGPASSWORD: text().nullable().default(null).register(settingDocs, {
    group: 'Database',
    meaning: 'Password; not with `entra`.',
    secret: true,
    otherwise: 'required without `DATABASE_URL`, unless `DATABASE_AUTH=entra`',
  }),
  PGSSLMODE: choice(['disable', 'no-verify', 'require', 'verify-full']).default('verify-full').register(settingDocs, {
    group: 'Database',
    meaning: 'TLS to the server.',
  }),
  DATABASE_POOL_SIZE: boundedInteger(1, 500).default(10).register(settingDocs, {
    group: 'Database',
    meaning: 'Connections of one worker process.',
  }),
  SERVICE_BUS_CONNECTION: text().nullable().default(null).register(settingDocs, {
    group: 'Service Bus',
    meaning: 'Connection string of the namespace, for triggers and for sending.',
    secret: true,
    readBy: 'host and program',
    example:
      'Endpoint=sb://127.0.0.1;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;',
    otherwise: '`SERVICE_BUS_CONNECTION__fullyQualifiedNamespace` is used',
  }),
  SERVICE_BUS_CONNECTION__fullyQualifiedNamespace: matching(
    namespaceHost,
    'a host name like `name.servicebus.windows.net`',
  )
    .nullable()
    .default(null)
    .register(settingDocs, {
      group: 'Service Bus',
      meaning: 'The namespace’s host name, `name.servicebus.windows.net`; signs in with the identity.',
      readBy: 'host and program',
      otherwise: 'required without `SERVICE_BUS_CONNECTION`',
    }),
  SERVICE_BUS_CONNECTION__credential: choice(['managedidentity']).nullable().default(null).register(settingDocs, {
    group: 'Service Bus',
    meaning: '`managedidentity` for a user-assigned identity.',
    readBy: 'host',
    otherwise: 'the system-assigned identity',
  }),
  SERVICE_BUS_CONNECTION__clientId: text().nullable().default(null).register(settingDocs, {
    group: 'Service Bus',
    meaning: 'Client id of the user-assigned identity.',
    readBy: 'host and program',
    otherwise: 'the system-assigned identity',
  }),
  JOB_QUEUE_NAME: entityNameSetting().default('geospatial-jobs').register(settingDocs, {
    group: 'Service Bus',
    meaning: 'Queue of the job messages.',
  }),
  TASK_QUEUE_NAME: entityNameSetting().default('geospatial-tasks').register(settingDocs, {
    group: 'Service Bus',
    meaning: 'Queue of the task messages; another one than the job queue.',
  }),
  STORAGE_CONNECTION: text().nullable().default(null).register(settingDocs, {
    group: 'Blob storage',
    meaning: 'Connection string of the storage account with the data.',
    secret: true,
    example: 'UseDevelopmentStorage=true',
    otherwise: '`STORAGE_CONNECTION__blobServiceUri` is used',
  }),
  STORAGE_CONNECTION__blobServiceUri: httpUrl().nullable().default(null).register(settingDocs, {
    group: 'Blob storage',
    meaning: 'The account’s blob endpoint, `https://name.blob.core.windows.net`; signs in with the identity.',
    otherwise: 'required without `STORAGE_CONNECTION`',
  }),
  COG_CONTAINER: matching(containerName, 'a container name').default('silver-cogs').register(settingDocs, {
    group: 'Blob storage',
    meaning: 'Container for finished COGs.',
  }),
  TITILER_BASE_URL: httpUrl().nullable().default(null).register(settingDocs, {
    group: 'Links in results',
    meaning: 'Where titiler-pgstac answers.',
    otherwise: 'results carry no TiTiler links',
  }),
  TITILER_DIALECT: choice(['1.5', '1.8', '2', '3']).default('3').register(settingDocs, {
    group: 'Links in results',
    meaning: 'Generation of titiler-pgstac whose URLs are made.',
  }),
  OGC_FEATURES_BASE_URL: httpUrl().nullable().default(null).register(settingDocs, {
    group: 'Links in results',
    meaning: 'Where the OGC API Features server answers.',
    otherwise: 'this program’s own, `https://WEBSITE_HOSTNAME/api/features`; without a host name no links',
  }),
  OGC_COLLECTION_ID_STYLE: choice(['table', 'schema.table']).default('table').register(settingDocs, {
    group: 'Links in results',
    meaning: 'How a table’s collection is named, here and by that server; tipg and pg_featureserv say `schema.table`.',
  }),
  OGC_SCHEMAS: matching(/^[a-z_][a-z0-9_]{0,62}(?:,[a-z_][a-z0-9_]{0,62})*$/, 'schema names with commas between')
    .transform((names) => names.split(','))
    .default(['geo', 'h3'])
    .register(settingDocs, {
      group: 'Features API',
      meaning:
        'Schemas whose tables `/api/features` shows, and results link to; where several have a table of one name, the first is meant.',
    }),
  OGC_QUERY_SECONDS: boundedInteger(1, 30).default(10).register(settingDocs, {
    group: 'Features API',
    meaning: 'A query of `/api/features` that takes longer is given up with `QUERY_TIMEOUT`.',
  }),
  TASK_LEASE_SECONDS: boundedInteger(1, 3600).default(60).register(settingDocs, {
    group: 'Jobs and tasks',
    meaning: 'A worker that has not renewed its lease for this long has lost the task.',
  }),
  PUBLISH_GRACE_SECONDS: boundedInteger(1, 3600).default(15).register(settingDocs, {
    group: 'Jobs and tasks',
    meaning: 'How long a stored job or task may wait for its message before the reconciler sends it.',
  }),
  JOB_RETENTION_DAYS: boundedInteger(1, 36_500).nullable().default(null).register(settingDocs, {
    group: 'Jobs and tasks',
    meaning: 'Ended jobs older than this are removed.',
    otherwise: 'they are kept',
  }),
  RASTER_SIZE_THRESHOLD_MB: boundedInteger(1, 10_000_000).default(1000).register(settingDocs, {
    group: 'Raster work',
    meaning: 'Largest source that `process_raster` takes, in MB of 1,048,576 bytes.',
  }),
  H3_MAX_CELLS: boundedInteger(1, 10_000_000_000).default(100_000_000).register(settingDocs, {
    group: 'Jobs and tasks',
    meaning:
      'Cells that the grids of one `bootstrap_h3_land_grid_pyramid` may have together; a million takes about 0.4 GB.',
  }),
  GDAL_PROCESSES: boundedInteger(1, 64)
    .prefault(() => String(Math.min(4, availableParallelism())))
    .register(settingDocs, {
      group: 'Raster work',
      meaning: 'GDAL operations that one worker runs at the same time, each in a process of its own.',
      otherwise: 'as many as processors, at most 4',
    }),
  GDAL_CACHE_MB: boundedInteger(16, 65_536).default(128).register(settingDocs, {
    group: 'Raster work',
    meaning: 'Block cache of one GDAL process.',
  }),
  TEMP_FOLDER: matching(/^(?:\/|[A-Za-z]:[\\/])/, 'an absolute path')
    .prefault(() => tmpdir())
    .register(settingDocs, {
      group: 'Raster work',
      meaning: 'Scratch space of the tasks: room for the source and the results of every task at work.',
      otherwise: 'the system’s temporary folder',
    }),
  STAC_FLAVOUR: choice(['auto', 'pgstac', 'small']).default('auto').register(settingDocs, {
    group: 'Raster work',
    meaning: '`pgstac` demands it, `small` uses the built-in schema, `auto` takes pgSTAC where it is installed.',
  }),
  UPKEEP_REPUBLISH_SCHEDULE: scheduleSetting().default('*/30 * * * * *').register(settingDocs, {
    group: 'Upkeep',
    meaning: 'When messages that were never sent, or never answered, are sent again.',
  }),
  UPKEEP_LEASES_SCHEDULE: scheduleSetting().default('*/30 * * * * *').register(settingDocs, {
    group: 'Upkeep',
    meaning: 'When tasks of lost workers are given to others.',
  }),
  UPKEEP_STAGES_SCHEDULE: scheduleSetting().default('0 * * * * *').register(settingDocs, {
    group: 'Upkeep',
    meaning: 'When stages that ended unnoticed are closed.',
  }),
  UPKEEP_TIMEOUTS_SCHEDULE: scheduleSetting().default('0 */5 * * * *').register(settingDocs, {
    group: 'Upkeep',
    meaning: 'When jobs and tasks over their time limit are failed.',
  }),
  UPKEEP_RETENTION_SCHEDULE: scheduleSetting().default('0 30 3 * * *').register(settingDocs, {
    group: 'Upkeep',
    meaning: 'When jobs older than `JOB_RETENTION_DAYS` are removed.',
  }),
  LOG_FORMAT: choice(['json', 'text']).default('json').register(settingDocs, {
    group: 'Logging',
    meaning: '`json`: one object a line; `text`: for people.',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl().nullable().default(null).register(settingDocs, {
    group: 'Telemetry',
    meaning: 'A collector that takes OTLP over HTTP, e.g. `http://127.0.0.1:4318`; gets traces and metrics.',
    otherwise: 'nothing is sent by OTLP',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: keyValues().nullable().default(null).register(settingDocs, {
    group: 'Telemetry',
    meaning: 'Headers for the collector, `name=value,name=value`, values percent-encoded.',
    secret: true,
    otherwise: 'none',
  }),
  APPLICATIONINSIGHTS_CONNECTION_STRING: matching(
    /(?:^|;)\s*InstrumentationKey=[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\s*(?:;|$)/i,
    'a connection string with InstrumentationKey=…',
  )
    .nullable()
    .default(null)
    .register(settingDocs, {
      group: 'Telemetry',
      meaning: 'Application Insights: gets traces and metrics, and the host’s own logs and metrics.',
      secret: true,
      readBy: 'host and program',
      otherwise: 'nothing is sent to Azure Monitor',
    }),
  OTEL_SERVICE_NAME: text().default('coremachine').register(settingDocs, {
    group: 'Telemetry',
    meaning: 'What this deployment is called in traces and metrics.',
  }),
  OTEL_METRIC_EXPORT_INTERVAL: boundedInteger(100, 3_600_000).default(60_000).register(settingDocs, {
    group: 'Telemetry',
    meaning: 'Milliseconds between two reports of the metrics.',
  }),
  AzureWebJobsStorage: text().nullable().default(null).register(settingDocs, {
    group: 'Azure Functions and identity',
    meaning:
      'The host’s own storage: timer locks, function keys. Or `AzureWebJobsStorage__accountName` with an identity.',
    secret: true,
    readBy: 'host',
    example: 'UseDevelopmentStorage=true',
    otherwise: 'not needed by the embedded stack',
  }),
  FUNCTIONS_WORKER_RUNTIME: choice(['node']).nullable().default(null).register(settingDocs, {
    group: 'Azure Functions and identity',
    meaning: 'Always `node`; the container image sets it.',
    readBy: 'host',
    example: 'node',
    otherwise: 'not needed by the embedded stack',
  }),
  WEBSITE_HOSTNAME: matching(hostAndPort, 'a host name').nullable().default(null).register(settingDocs, {
    group: 'Azure Functions and identity',
    meaning: 'The app’s own host name. Azure and Core Tools set it; it makes the links to `/api/features`.',
    readBy: 'host and program',
    example: '127.0.0.1:7071',
    otherwise: 'not known',
  }),
  AZURE_CLIENT_ID: text().nullable().default(null).register(settingDocs, {
    group: 'Azure Functions and identity',
    meaning: 'Client id of the user-assigned identity for blobs and the database.',
    readBy: 'Azure SDK',
    otherwise: 'the system-assigned identity',
  }),
});

export type RawSettings = z.output<typeof settingsSchema>;
export type SettingName = keyof RawSettings;

export const settingNames = Object.keys(settingsSchema.shape) as readonly SettingName[];
