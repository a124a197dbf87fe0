import { ServiceBusClient, type ServiceBusMessage } from '@azure/service-bus';
import { type FunctionsHost, startFunctionsHost } from '../../src/local/functions-host/host.ts';
import type { HostLogEntry } from '../../src/local/functions-host/log.ts';
import { type QueueDefinition, startServiceBusEmulator } from '../../src/local/service-bus/server.ts';

/** The emulator, a client of its own, and the host running the sample queue functions against it. */
export interface QueueHost {
  readonly emulator: Awaited<ReturnType<typeof startServiceBusEmulator>>;
  readonly client: ServiceBusClient;
  readonly lines: HostLogEntry[];
  /** The running host; `restart` replaces it. */
  host(): FunctionsHost;
  restart(options?: QueueHostOptions): Promise<void>;
  send(queue: string, messages: readonly ServiceBusMessage[]): Promise<void>;
  total(queue: string): number;
  close(): Promise<void>;
}

export interface QueueHostOptions {
  /** The queue of the function `work`; default `work`. */
  readonly workQueue?: string;
  readonly maxConcurrentCalls?: number;
  readonly functionTimeout?: string;
  readonly maxAutoLockRenewalDuration?: string;
  readonly settleLimitMs?: number;
}

/** Left alone, the SDK waits 60 s for an answer that a cut connection took with it, and 30 s between tries. */
const retryOptions = { retryDelayInMs: 100, maxRetryDelayInMs: 300, timeoutInMs: 5000 };

const queue = (name: string, changes: Partial<QueueDefinition>): QueueDefinition => ({
  name,
  lockDurationMs: 60_000,
  maxDeliveryCount: 5,
  duplicateDetectionWindowMs: null,
  defaultTtlMs: null,
  deadLetterOnExpiry: false,
  ...changes,
});

export async function startQueueHost(options: QueueHostOptions = {}): Promise<QueueHost> {
  const emulator = await startServiceBusEmulator({
    queues: [
      queue('work', {}),
      queue('short-lock', { lockDurationMs: 1500 }),
      queue('manual', { lockDurationMs: 1500 }),
      queue('batch', {}),
    ],
    connectionLoss: 'hold',
  });
  const client = new ServiceBusClient(emulator.connectionString, { retryOptions });
  const lines: HostLogEntry[] = [];
  const start = (given: QueueHostOptions) => startHost(emulator.connectionString, lines, given);
  let host = await start(options);
  return {
    emulator,
    client,
    lines,
    host: () => host,
    async restart(given = {}) {
      await host.stop({ graceMs: 0 });
      host = await start(given);
    },
    async send(name, messages) {
      // A link that is opened in the moment its connection is cut blocks its client for a fixed 60 s.
      const own = new ServiceBusClient(emulator.connectionString, { retryOptions });
      await own.createSender(name).sendMessages([...messages]);
      await own.close();
    },
    total: (name) => emulator.broker.find(name)?.counts().total ?? Number.NaN,
    async close() {
      await host.stop({ graceMs: 0 });
      await client.close();
      await emulator.close();
    },
  };
}

function startHost(connectionString: string, log: HostLogEntry[], options: QueueHostOptions): Promise<FunctionsHost> {
  const {
    maxConcurrentCalls = 4,
    functionTimeout = '00:10:00',
    maxAutoLockRenewalDuration = '00:05:00',
    settleLimitMs,
  } = options;
  return startFunctionsHost({
    hostJson: {
      version: '2.0',
      functionTimeout,
      extensions: { serviceBus: { maxConcurrentCalls, maxAutoLockRenewalDuration } },
    },
    settings: { BUS: connectionString, WORK_QUEUE: options.workQueue ?? 'work' },
    load: () => import('../fixtures/functions/queues.ts'),
    port: 0,
    keys: null,
    log: (entry) => log.push(entry),
    serviceBusClientOptions: { retryOptions },
    ...(settleLimitMs !== undefined && { settleLimitMs }),
  });
}
