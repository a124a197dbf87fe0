import { startServiceBusEmulator } from '../service-bus/server.ts';
import { childOptions, childReady } from './child.ts';
import { queueDefinitions } from './queues.ts';

export interface ServiceBusOptions {
  readonly port: number;
  /** Journal file, or null for memory. */
  readonly journal: string | null;
  readonly lockDurationMs?: number;
}

const options = await childOptions<ServiceBusOptions>();
const emulator = await startServiceBusEmulator({
  port: options.port,
  host: '127.0.0.1',
  queues: queueDefinitions(options.lockDurationMs),
  connectionLoss: 'release',
  ...(options.journal && { journal: options.journal }),
});
childReady({ connectionString: emulator.connectionString }, () => emulator.close());
