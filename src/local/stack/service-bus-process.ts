import { startServiceBusEmulator } from '../service-bus/server.ts';
import { childOptions, keeperReady } from './child.ts';
import { queueDefinitions } from './queues.ts';
import { requireSoleUse } from './sole-user.ts';

export interface ServiceBusOptions {
  readonly port: number;
  /** Journal file, or null for memory. */
  readonly journal: string | null;
  readonly lockDurationMs?: number;
}

const options = await childOptions<ServiceBusOptions>();
if (options.journal) await requireSoleUse(options.journal);
const emulator = await startServiceBusEmulator({
  port: options.port,
  host: '127.0.0.1',
  queues: queueDefinitions(options.lockDurationMs),
  connectionLoss: 'release',
  ...(options.journal && { journal: options.journal }),
});
keeperReady({ connectionString: emulator.connectionString }, () => emulator.close());
