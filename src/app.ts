import { hostname } from 'node:os';
import type { JsonObject } from '../core/json.ts';
import type { Log } from '../core/log.ts';
import { CoreMachine } from '../core/machine/core-machine.ts';
import type { CompletionCallback } from '../core/machine/engine.ts';
import { JobRegistry } from '../core/registry.ts';
import type { Services } from '../core/services.ts';
import { openBlobStore } from '../infrastructure/blob/azure-blob-store.ts';
import { openGdal } from '../infrastructure/gdal/gdal.ts';
import { createLog } from '../infrastructure/log/log.ts';
import { openCatalogue } from '../infrastructure/pgstac/catalogue.ts';
import { openPostgres, type Postgres } from '../infrastructure/postgres/postgres.ts';
import { openServiceBusQueue } from '../infrastructure/service-bus/queue.ts';
import { openWorkspace } from '../infrastructure/workspace/workspace.ts';
import { jobTypes } from '../jobs/index.ts';
import { type Config, readConfig } from './config.ts';
import type { HealthCheck } from './health.ts';
import { crashInstants } from './instants.ts';

/** The composed application: what every trigger works with. */
export interface App {
  readonly config: Config;
  readonly log: Log;
  readonly machine: CoreMachine;
  readonly postgres: Postgres;
  readonly jobQueueName: string;
  readonly healthChecks: readonly HealthCheck[];
  /** Aborted when the host shuts down: handlers hand their tasks back. */
  readonly shutdown: AbortSignal;
  close(): Promise<void>;
}
