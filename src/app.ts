import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { limits } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { CoreMachine } from '../core/machine/core-machine.ts';
import type { CompletionCallback } from '../core/machine/engine.ts';
import type { FeatureCollections } from '../core/ports/feature-collections.ts';
import { JobRegistry } from '../core/registry.ts';
import type { Services } from '../core/services.ts';
import { openBlobStore } from '../infrastructure/blob/azure-blob-store.ts';
import { openGdal } from '../infrastructure/gdal/gdal.ts';
import { createLog } from '../infrastructure/log/log.ts';
import { openCatalogue } from '../infrastructure/pgstac/catalogue.ts';
import { openPostgisFeatures } from '../infrastructure/postgis/feature-collections.ts';
import { openFeatureTables } from '../infrastructure/postgis/feature-tables.ts';
import { openGridStore } from '../infrastructure/postgis/grid-store.ts';
import { openPostgres, type Postgres } from '../infrastructure/postgres/postgres.ts';
import { WorkerPresence } from '../infrastructure/postgres/presence.ts';
import { openServiceBusQueue, type ServiceBusQueue } from '../infrastructure/service-bus/queue.ts';
import { openTelemetry, telemetryWanted } from '../infrastructure/telemetry/telemetry.ts';
import { tracedLog } from '../infrastructure/telemetry/traced-log.ts';
import { openWorkspace } from '../infrastructure/workspace/workspace.ts';
import { jobTypes } from '../jobs/index.ts';
import { type Config, readConfig } from './config.ts';
import { deliveryOf } from './delivery.ts';
import type { HealthCheck } from './health.ts';
import { growHeapFreely } from './heap-growth.ts';
import type { Route } from './http/route.ts';
import { routes } from './http/routes/index.ts';
import { crashInstants } from './instants.ts';
import { Opened } from './opened.ts';
import { type MessageContext, recordQueueAge } from './queue-age.ts';
import { RunningTasks } from './running-tasks.ts';
import { WorkerWatch } from './worker-watch.ts';

/** The composed application: what every trigger works with. */
export interface App {
  readonly config: Config;
  readonly log: Log;
  readonly machine: CoreMachine;
  readonly postgres: Postgres;
  readonly jobQueueName: string;
  readonly routes: readonly Route[];
  readonly healthChecks: readonly HealthCheck[];
  readonly queue: ServiceBusQueue;
  /** The tables that jobs made, for readers of maps. */
  readonly features: FeatureCollections;
  /** Works on a job message. `context` tells how long it waited. */
  runJob(body: unknown, context?: MessageContext): Promise<void>;
  /** Works on a task message; when the host shuts down its handler is told to stop and the task is handed back. */
  runTask(body: unknown, context?: MessageContext): Promise<void>;
  close(): Promise<void>;
}

/** What handlers that were told to stop get to do so, and to store that their task is free again. */
const handBackMs = 3000;

/** What the last traces and metrics get to be sent. */
const flushMs = 3000;

let config: Config | null = null;
let opening: Promise<App> | null = null;
let currentOptions: AppOptions = {};

/** The process's configuration, read once. Throws CONFIGURATION_INVALID with all problems. */
export function currentConfig(): Config {
  config ??= readConfig(process.env);
  return config;
}

/** Registers who is told of every job's end, at least once each. At start-up: not once the application is open. */
export function onJobComplete(callback: CompletionCallback): void {
  if (opening) throw new Error('the application is open: it tells of the end of jobs as it was begun');
  currentOptions = { onJobComplete: callback };
}

/** For so long a failed opening is the answer to all who ask: every message and timer asks. */
const openAgainMs = 1000;

/** The process's one application, opened on first use. A failed opening is tried again by who asks a second later. */
export function currentApp(): Promise<App> {
  opening ??= openApp(currentConfig(), currentOptions).catch((error: unknown) => {
    setTimeout(() => {
      opening = null;
    }, openAgainMs).unref();
    throw error;
  });
  return opening;
}

/** Closes what `currentApp` opened; does nothing when nothing was. */
export async function closeApp(): Promise<void> {
  const open = await opening?.catch(() => null);
  opening = null;
  await open?.close();
}

export interface AppOptions {
  readonly onJobComplete?: CompletionCallback;
  /** A message that waited longer is refused; default 7 days. */
  readonly messageAgeMs?: number;
}

/** Opens every adapter, migrates the database, checks all job types. Throws CONFIGURATION_INVALID and the adapters' errors. */
export async function openApp(config: Config, options: AppOptions = {}): Promise<App> {
  const opened = new Opened();
  try {
    return await openParts(config, options, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function openParts(config: Config, options: AppOptions, opened: Opened): Promise<App> {
  growHeapFreely();
  const plainLog = createLog({ format: config.logFormat });
  const log = telemetryWanted(config.telemetry) ? tracedLog(plainLog) : plainLog;
  const registry = new JobRegistry(jobTypes);
  const shutdown = new AbortController();
  const tasks = new RunningTasks();
  // Process ids come again, in containers with every start.
  const worker = `${hostname()}:${process.pid}:${randomBytes(3).toString('hex')}`;
  const telemetry = await openTelemetry({ ...config.telemetry, instance: worker, log });
  opened.add(() => telemetry.close(flushMs));
  const postgres = await openPostgres(config.database);
  opened.add(() => postgres.close());
  const messageAgeMs = options.messageAgeMs ?? limits.messageAgeMs;
  const queue = openQueue(config, log, messageAgeMs);
  opened.add(() => queue.close());
  const services = await openServices(config, postgres, log, opened);
  const machine = new CoreMachine({
    registry,
    store: postgres.store,
    queue,
    services,
    log,
    telemetry,
    worker,
    leaseMs: config.taskLeaseSeconds * 1000,
    publishGraceMs: config.publishGraceSeconds * 1000,
    retentionDays: config.jobRetentionDays,
    messageAgeMs,
    now: Date.now,
    instants: crashInstants(process.env.COREMACHINE_CRASH_AT),
    onJobComplete: options.onJobComplete ?? null,
  });
  const features = openPostgisFeatures({ database: config.database, ...config.features });
  opened.add(() => features.close());
  if (postgres.backend.ownSession) {
    const presence = new WorkerPresence(config.database, worker);
    opened.add(() => presence.stop());
    await presence.start();
    const watch = new WorkerWatch(machine, log);
    opened.add(() => watch.stop());
  }
  log.info('System:Started', { jobTypes: registry.definitions.length, gdal: services.gdal.capabilities.version });
  return {
    config,
    log,
    machine,
    postgres,
    jobQueueName: config.jobQueueName,
    routes,
    healthChecks: healthChecks(postgres, services, queue),
    queue,
    features,
    runJob(body, context) {
      recordQueueAge(telemetry, 'jobs', context);
      return machine.handleJobMessage(body, context && deliveryOf(context));
    },
    runTask(body, context) {
      recordQueueAge(telemetry, 'tasks', context);
      return tasks.run(machine.handleTaskMessage(body, shutdown.signal, context && deliveryOf(context)));
    },
    async close() {
      shutdown.abort();
      await tasks.settled(handBackMs);
      await opened.close();
      log.info('System:Stopped', {});
    },
  };
}

function openQueue(config: Config, log: Log, messageAgeMs: number): ServiceBusQueue {
  const { serviceBus: connection, jobQueueName: jobQueue, taskQueueName: taskQueue } = config;
  return openServiceBusQueue({ connection, jobQueue, taskQueue, log, messageAgeMs });
}

/** While some of them use GDAL others copy from and to storage; the rest would only hold their files. */
const largePerProcess = 3;

async function openServices(config: Config, postgres: Postgres, log: Log, opened: Opened): Promise<Services> {
  const { gdalProcesses: processes, gdalCacheMb: cacheMb, tempFolder } = config;
  const openingGdal = openGdal({ processes, cacheMb, tempFolder, log });
  const parts = [
    openingGdal,
    openWorkspace({ root: tempFolder, log, largeAtOnce: largePerProcess * processes }),
    openCatalogue({ pool: postgres.pool, log, flavour: config.stacFlavour }),
  ] as const;
  // One that opens after another has failed is to be closed as well.
  await Promise.allSettled(parts);
  opened.add(async () => (await openingGdal).close());
  const [gdal, workspace, catalogue] = await Promise.all(parts);
  const blobs = openBlobStore({ connection: config.storage });
  const grids = await openGridStore(postgres.database);
  const featureTables = openFeatureTables(postgres.pool, postgres.backend);
  return { gdal, workspace, catalogue, grids, featureTables, blobs, settings: config.jobs };
}

function healthChecks(postgres: Postgres, services: Services, queue: ServiceBusQueue): HealthCheck[] {
  const { version, cogCompressions, cogInterleave, drivers } = services.gdal.capabilities;
  return [
    { name: 'database', check: () => postgres.health() },
    {
      name: 'pgstac',
      async check() {
        await services.catalogue.getCollection('health-check');
        return { flavour: services.catalogue.flavour };
      },
    },
    { name: 'service_bus', check: () => queue.health() },
    {
      name: 'blob',
      check: async () => ({
        cog_container_exists: await services.blobs.containerExists(services.settings.cogContainer),
      }),
    },
    {
      name: 'gdal',
      async check() {
        await services.gdal.describeCrs('EPSG:4326');
        return { version, cog_compressions: cogCompressions, cog_interleave: cogInterleave, drivers: drivers.length };
      },
    },
  ];
}
