import type { ServiceBusClientOptions } from '@azure/service-bus';
import type { QueueTrigger, SortedFunctions, TimerTrigger } from './functions.ts';
import type { HostSettings } from './host-json.ts';
import { HttpListener } from './http/http-listener.ts';
import type { FunctionKeys } from './http/keys.ts';
import { startStreamProxy } from './http/stream-proxy.ts';
import type { InvocationHost } from './invoke.ts';
import type { Listener } from './listener.ts';
import type { ProgrammingModel } from './rpc-types.ts';
import { BatchListener } from './service-bus/batch-listener.ts';
import { ServiceBusConnections, toRetryOptions } from './service-bus/connections.ts';
import type { QueueFunction } from './service-bus/queue-function.ts';
import { QueueListener } from './service-bus/queue-listener.ts';
import { readSetting, resolveExpressions, type Settings, SettingsError } from './settings.ts';
import { parseSchedule } from './timer/ncrontab.ts';
import { FileScheduleMonitor } from './timer/schedule-monitor.ts';
import { TimerListener } from './timer/timer-listener.ts';

export interface ListenerOptions {
  readonly settings: Settings;
  readonly port: number;
  readonly hostname: string;
  readonly keys: FunctionKeys | null;
  readonly serviceBusClientOptions?: ServiceBusClientOptions;
  readonly bodyLimit?: number;
  readonly timerStatusFile?: string;
  readonly settleLimitMs?: number;
}

export interface FunctionInfo {
  readonly name: string;
  readonly type: 'http' | 'serviceBus' | 'timer';
  /** The methods with the path, the queue, or the schedule. */
  readonly trigger: string;
}

export interface HostListeners {
  readonly http: HttpListener;
  readonly all: readonly Listener[];
  readonly connections: ServiceBusConnections;
  readonly functions: readonly FunctionInfo[];
}

const defaultBodyLimit = 100 * 1024 * 1024;
const defaultSettleLimitMs = 10_000;

/** Makes a listener for every trigger; nothing is started or connected yet. Throws what is wrong with the app's triggers. */
export async function createListeners(
  sorted: SortedFunctions,
  host: HostSettings,
  options: ListenerOptions,
  model: ProgrammingModel,
  invocations: InvocationHost,
): Promise<HostListeners> {
  const connections = new ServiceBusConnections(options.settings, {
    ...options.serviceBusClientOptions,
    retryOptions: { ...toRetryOptions(host.serviceBus.retry), ...options.serviceBusClientOptions?.retryOptions },
  });
  const timers = timerListeners(sorted.timers, options, invocations);
  const queues = sorted.queues.map((trigger) => toQueueFunction(trigger, host, options, connections, invocations));
  const proxy = await startStreamProxy(model);
  const http = new HttpListener({
    functions: sorted.http,
    settings: host,
    keys: options.keys,
    bodyLimit: options.bodyLimit ?? bodyLimitSetting(options.settings),
    hostname: options.hostname,
    port: options.port,
    proxy,
    invocations,
  });
  const queueListeners = queues.map((queue) =>
    queue.cardinality === 'many' ? new BatchListener(queue) : new QueueListener(queue),
  );
  return {
    http,
    all: [http, ...queueListeners, ...timers.map(({ listener }) => listener)],
    connections,
    functions: [
      ...sorted.http.map(({ functionName, methods, route }) => {
        const path = [host.routePrefix, route].filter((part) => part !== '').join('/');
        return { name: functionName, type: 'http' as const, trigger: `${methods.join(',')} /${path}` };
      }),
      ...queues.map(({ functionName, queueName }) => ({
        name: functionName,
        type: 'serviceBus' as const,
        trigger: queueName,
      })),
      ...timers.map(({ name, schedule }) => ({ name, type: 'timer' as const, trigger: schedule })),
    ],
  };
}

function timerListeners(triggers: readonly TimerTrigger[], options: ListenerOptions, invocations: InvocationHost) {
  const monitor = options.timerStatusFile === undefined ? null : new FileScheduleMonitor(options.timerStatusFile);
  const timeZone = readSetting(options.settings, 'WEBSITE_TIME_ZONE') ?? 'UTC';
  return triggers.map((trigger) => {
    const text = named(trigger.functionName, () => resolveExpressions(trigger.schedule, options.settings));
    const schedule = named(trigger.functionName, () => parseSchedule(text, timeZone));
    return {
      name: trigger.functionName,
      schedule: text,
      listener: new TimerListener({ ...trigger, schedule }, invocations, monitor),
    };
  });
}

function toQueueFunction(
  trigger: QueueTrigger,
  host: HostSettings,
  options: ListenerOptions,
  connections: ServiceBusConnections,
  invocations: InvocationHost,
): QueueFunction {
  return {
    ...trigger,
    queueName: named(trigger.functionName, () => resolveExpressions(trigger.queueName, options.settings)),
    autoComplete: trigger.autoComplete ?? host.serviceBus.autoCompleteMessages,
    client: named(trigger.functionName, () => connections.client(trigger.connection)),
    settings: host.serviceBus,
    settleLimitMs: options.settleLimitMs ?? defaultSettleLimitMs,
    invocations,
  };
}

/** The app setting of the Functions host for self-hosted apps; bytes. */
function bodyLimitSetting(settings: Settings): number {
  const name = 'FUNCTIONS_REQUEST_BODY_SIZE_LIMIT';
  const text = readSetting(settings, name);
  if (text === undefined) return defaultBodyLimit;
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 0) throw new SettingsError(`${name} must be a number of bytes`);
  return limit;
}

/** Puts the function's name before the message of whatever `read` throws. */
function named<T>(functionName: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error) error.message = `Function ${functionName}: ${error.message}`;
    throw error;
  }
}
