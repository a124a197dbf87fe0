import { startServiceBusEmulator } from '../../src/local/service-bus/server.ts';
import { childOptions, childReady } from '../../src/local/stack/child.ts';
import { queueDefinitions } from '../../src/local/stack/queues.ts';

/** The emulator in a process of its own. As in Azure, the locks of a lost connection run out and are not released. */
const { port } = await childOptions<{ readonly port: number }>();
const emulator = await startServiceBusEmulator({ port, queues: queueDefinitions(1500), connectionLoss: 'hold' });
childReady({ connectionString: emulator.connectionString }, () => emulator.close());
