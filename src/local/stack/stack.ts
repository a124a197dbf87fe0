import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AzuriteOptions } from './azurite-process.ts';
import { type Child, startChild } from './child.ts';
import type { DatabaseOptions } from './database-process.ts';
import { functionKeyOf } from './function-key.ts';
import type { HostOptions } from './host-process.ts';
import { pickPort } from './ports.ts';
import { jobQueue, taskQueue } from './queues.ts';
import type { ServiceBusOptions } from './service-bus-process.ts';

export interface StackOptions {
  /** Where everything is kept; null for memory. */
  readonly dataFolder: string | null;
  /** Where the parts write their logs. */
  readonly logFolder: string;
  /** Settings that win over the embedded ones; a given connection replaces the embedded part. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pgstacSql: string | null;
  /** Where an empty database is kept that is quicker to copy than to make; null: nowhere. */
  readonly templateFolder: string | null;
  /** Port of the HTTP API; the next free one when it is taken. */
  readonly httpPort: number;
  /** False takes any free port for the other parts, so that several stacks can run side by side. */
  readonly fixedPorts: boolean;
  /** Said once per part, e.g. `database ready in 6.1 s`. */
  readonly say: (line: string) => void;
  /** `inherit` shows the host's log lines on the terminal. */
  readonly hostOutput?: 'inherit' | 'file';
  /** How long a message stays locked; short in crash tests. */
  readonly lockDurationMs?: number;
}

/** The running parts without a host. */
export interface StackParts {
  /** Everything a host needs to join: connections, queue names. */
  readonly settings: Readonly<Record<string, string>>;
  /** Starts a host process on the parts; any number of them may run. */
  startHost(env?: Readonly<Record<string, string>>): Promise<Child<HostReady>>;
  /** Resolves with the name of the first part that ended without being told to. */
  readonly broken: Promise<string>;
  /** Drains the hosts, then stops everything. */
  stop(): Promise<void>;
}

export interface Stack extends StackParts, HostReady {
  readonly host: Child<HostReady>;
}

export interface HostReady {
  readonly url: string;
  readonly functionKey: string;
}

interface Part {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly exited: Promise<number | null>;
  stop(): Promise<void>;
}

/** The parts and one host; whatever fails, all that was started is stopped again. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const parts = await startParts(options);
  try {
    const host = await parts.startHost();
    const hostGone = host.exited.then(() => host.name);
    return { ...parts, ...host.ready, host, broken: Promise.race([parts.broken, hostGone]) };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

/** Starts the parts that are not given as a connection. */
export async function startParts(options: StackOptions): Promise<StackParts> {
  await mkdir(options.logFolder, { recursive: true });
  if (options.dataFolder) await mkdir(options.dataFolder, { recursive: true });
  const starting = await Promise.allSettled([startDatabase(options), startStorage(options), startServiceBus(options)]);
  const parts = starting.flatMap((part) => (part.status === 'fulfilled' && part.value ? [part.value] : []));
  const hosts: Child<HostReady>[] = [];
  const stop = async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    await Promise.all(parts.map((part) => part.stop()));
  };
  const failure = starting.find((part) => part.status === 'rejected');
  if (failure) {
    await stop();
    throw failure.reason;
  }
  const settings = settingsOf(options, parts);
  return {
    settings,
    broken: Promise.race(parts.map((part) => part.exited.then(() => part.name))),
    stop,
    async startHost(env = {}) {
      const host = await timed(options, 'functions host', () =>
        startHostProcess(options, { ...settings, ...env }, hosts.length),
      );
      hosts.push(host);
      return host;
    },
  };
}

async function startDatabase(options: StackOptions): Promise<Part | null> {
  if (options.env.DATABASE_URL) return null;
  const part = await timed(options, 'database (PGlite with PostGIS)', async () =>
    startChild<{ url: string }>({
      name: 'database',
      entry: new URL('./database-process.ts', import.meta.url),
      options: {
        folder: options.dataFolder && join(options.dataFolder, 'postgres'),
        port: await pickPort(options.fixedPorts ? 54329 : 0),
        pgstacSql: options.pgstacSql,
        templateFolder: options.templateFolder,
      } satisfies DatabaseOptions,
      output: join(options.logFolder, 'database.log'),
    }),
  );
  // PGlite keeps a process of its own busy with one session: a grid of the world at resolution 7 would be all it does.
  return asPart(part, { DATABASE_URL: part.ready.url, DATABASE_POOL_SIZE: '5', H3_MAX_CELLS: '2000000' });
}

async function startStorage(options: StackOptions): Promise<Part | null> {
  if (options.env.STORAGE_CONNECTION) return null;
  const part = await timed(options, 'blob storage (Azurite)', async () =>
    startChild<{ connectionString: string }>({
      name: 'azurite',
      entry: new URL('./azurite-process.ts', import.meta.url),
      options: {
        folder: options.dataFolder && join(options.dataFolder, 'blobs'),
        port: await pickPort(options.fixedPorts ? 10000 : 0),
      } satisfies AzuriteOptions,
      output: join(options.logFolder, 'azurite.log'),
    }),
  );
  return asPart(part, { STORAGE_CONNECTION: part.ready.connectionString });
}

async function startServiceBus(options: StackOptions): Promise<Part | null> {
  if (options.env.SERVICE_BUS_CONNECTION) return null;
  const part = await timed(options, 'messages (Service Bus emulator)', async () =>
    startChild<{ connectionString: string }>({
      name: 'service-bus',
      entry: new URL('./service-bus-process.ts', import.meta.url),
      options: {
        port: await pickPort(options.fixedPorts ? 5672 : 0),
        journal: options.dataFolder && join(options.dataFolder, 'service-bus.journal'),
        ...(options.lockDurationMs && { lockDurationMs: options.lockDurationMs }),
      } satisfies ServiceBusOptions,
      output: join(options.logFolder, 'service-bus.log'),
    }),
  );
  return asPart(part, { SERVICE_BUS_CONNECTION: part.ready.connectionString });
}

async function startHostProcess(
  options: StackOptions,
  env: Readonly<Record<string, string>>,
  index: number,
): Promise<Child<HostReady>> {
  const port = await pickPort(index === 0 ? options.httpPort : 0);
  return startChild<HostReady>({
    name: 'functions host',
    entry: new URL('./host-process.ts', import.meta.url),
    options: {
      port,
      ...(options.dataFolder && { functionKey: await functionKeyOf(options.dataFolder) }),
    } satisfies HostOptions,
    env: { WEBSITE_HOSTNAME: `127.0.0.1:${port}`, ...env },
    output: options.hostOutput === 'inherit' ? 'inherit' : join(options.logFolder, 'host.log'),
  });
}

function settingsOf(options: StackOptions, parts: readonly Part[]): Record<string, string> {
  const given = Object.entries(options.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    JOB_QUEUE_NAME: jobQueue,
    TASK_QUEUE_NAME: taskQueue,
    // GDAL work runs on libuv's threads in each GDAL process.
    UV_THREADPOOL_SIZE: '8',
    ...Object.assign({}, ...parts.map((part) => part.settings)),
    ...Object.fromEntries(given),
  };
}

function asPart(child: Child<unknown>, settings: Readonly<Record<string, string>>): Part {
  return { name: child.name, settings, exited: child.exited, stop: () => child.stop() };
}

async function timed<T>(options: StackOptions, what: string, start: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const running = await start();
  options.say(`${what} ready in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return running;
}
