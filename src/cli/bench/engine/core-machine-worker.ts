import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { app as functions } from '@azure/functions';
import { limits } from '../../../../core/limits.ts';
import { CoreMachine } from '../../../../core/machine/core-machine.ts';
import { silentTelemetry } from '../../../../core/ports/telemetry.ts';
import { JobRegistry } from '../../../../core/registry.ts';
import type { Services } from '../../../../core/services.ts';
import { type UpkeepRun, upkeepRuns } from '../../../../core/upkeep/index.ts';
import { createLog } from '../../../../infrastructure/log/log.ts';
import { openPostgres } from '../../../../infrastructure/postgres/postgres.ts';
import { WorkerPresence } from '../../../../infrastructure/postgres/presence.ts';
import { openServiceBusQueue } from '../../../../infrastructure/service-bus/queue.ts';
import { type Config, readConfig } from '../../../config.ts';
import { startFunctionsHost } from '../../../local/functions-host/host.ts';
import { WorkerWatch } from '../../../worker-watch.ts';
import { benchFan, benchOne } from './jobs.ts';
import { inTurns } from './turns.ts';
import { serveWorker, type Worker, type WorkerOptions } from './worker-protocol.ts';
import { concurrency, jobLabels, type Workload } from './workloads.ts';

/** The engine with its real store and queue, its triggers run by the local functions host, settings at their defaults. */
async function openWorker(options: WorkerOptions): Promise<Worker> {
  const env = {
    DATABASE_URL: options.databaseUrl,
    SERVICE_BUS_CONNECTION: String(options.serviceBus),
    STORAGE_CONNECTION: 'UseDevelopmentStorage=true',
  };
  const config = readConfig(env);
  const log = createLog({ format: config.logFormat });
  const postgres = await openPostgres(config.database);
  const queue = openServiceBusQueue({
    connection: config.serviceBus,
    jobQueue: config.jobQueueName,
    taskQueue: config.taskQueueName,
    log,
  });
  const worker = `${hostname()}:${process.pid}`;
  const machine = new CoreMachine({
    registry: new JobRegistry([benchFan, benchOne]),
    store: postgres.store,
    queue,
    services: noServices,
    log,
    worker,
    leaseMs: config.taskLeaseSeconds * 1000,
    publishGraceMs: config.publishGraceSeconds * 1000,
    retentionDays: null,
    messageAgeMs: limits.messageAgeMs,
    telemetry: silentTelemetry,
    now: Date.now,
    instants: () => {},
    onJobComplete: null,
  });
  const presence = new WorkerPresence(config.database, worker);
  await presence.start();
  const watch = new WorkerWatch(machine, log);
  const host = await startFunctionsHost({
    hostJson: await hostJson(),
    settings: env,
    port: 0,
    keys: null,
    load: async () => register(machine, config),
    serviceBusClientOptions: { retryOptions: { retryDelayInMs: 200, maxRetryDelayInMs: 2000, timeoutInMs: 5000 } },
  });
  return {
    submit: (workload) => submit(machine, workload),
    async close() {
      await host.stop({ graceMs: 5000 });
      await watch.stop();
      await presence.stop();
      await queue.close();
      await postgres.close();
    },
  };
}

/** The workloads' handlers use none. */
const noServices = new Proxy({} as Services, {
  get(_target, name) {
    throw new Error(`the bench has no service ${String(name)}`);
  },
});

/** The project's host.json with the concurrency that all contestants have. */
async function hostJson(): Promise<unknown> {
  const text = await readFile(new URL('../../../../host.json', import.meta.url), 'utf8');
  const parsed = JSON.parse(text) as { extensions: { serviceBus: Record<string, unknown> } };
  parsed.extensions.serviceBus.maxConcurrentCalls = concurrency;
  return parsed;
}

/** The triggers of src/functions that the workloads need. */
function register(machine: CoreMachine, config: Config): void {
  const connection = 'SERVICE_BUS_CONNECTION';
  functions.serviceBusQueue('process_job', {
    connection,
    queueName: config.jobQueueName,
    handler: (body) => machine.handleJobMessage(body),
  });
  functions.serviceBusQueue('process_task', {
    connection,
    queueName: config.taskQueueName,
    handler: (body) => machine.handleTaskMessage(body),
  });
  for (const run of Object.keys(upkeepRuns) as UpkeepRun[]) {
    functions.timer(`upkeep_${run}`, {
      schedule: config.upkeepSchedules[run],
      handler: async () => {
        await machine.upkeep(run);
      },
    });
  }
}

async function submit(machine: CoreMachine, workload: Workload): Promise<void> {
  const { label } = workload;
  const one = async (jobType: string, body: unknown) => {
    await machine.submit({ jobType, body, force: false, correlationId: label });
  };
  switch (workload.kind) {
    case 'fan':
      return one('bench_fan', { label, n: workload.n, task_ms: workload.taskMs });
    case 'one':
      return one('bench_one', { label });
    case 'many': {
      const labels = jobLabels(workload);
      return inTurns(labels.length, concurrency, (number) =>
        one('bench_fan', { label: labels[number], n: workload.n }),
      );
    }
  }
}

await serveWorker(openWorker);
