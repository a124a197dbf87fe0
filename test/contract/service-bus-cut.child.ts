/**
 * Sends into connections that break at that moment. In a process of its own, which ends itself: the AMQP library goes
 * on with the heartbeat of a connection that was lost with a message on its way, and that keeps a process alive.
 */
import { ServiceBusClient } from '@azure/service-bus';
import { silentLog } from '../../core/log.ts';
import { jobMessage } from '../../core/messages.ts';
import { openServiceBusQueue } from '../../infrastructure/service-bus/queue.ts';
import { startServiceBusEmulator } from '../../src/local/service-bus/server.ts';
import { jobQueue, queueDefinitions, taskQueue } from '../../src/local/stack/queues.ts';

const rounds = 5;
const emulator = await startServiceBusEmulator({ queues: queueDefinitions() });
const queue = openServiceBusQueue({
  connection: emulator.connectionString,
  jobQueue,
  taskQueue,
  log: silentLog,
  retryOptions: { maxRetries: 1, retryDelayInMs: 50 },
  tryLimitMs: 2000,
});
const send = (run: number) => queue.sendJobMessages([jobMessage({ jobId: 'a'.repeat(64), run, stage: 1 }, 'c')]);

for (let round = 0; round < rounds; round += 1) {
  await send(2 * round + 1);
  emulator.cutConnections();
  await send(2 * round + 2);
}
await queue.health();

const receiver = new ServiceBusClient(emulator.connectionString).createReceiver(jobQueue, {
  receiveMode: 'receiveAndDelete',
});
const runs: number[] = [];
for (let more = true; more; ) {
  const messages = await receiver.receiveMessages(100, { maxWaitTimeInMs: 500 });
  runs.push(...messages.map(({ body }) => body.run));
  more = messages.length > 0;
}
const once = runs.length === new Set(runs).size ? ', each once' : ', some twice';
process.stdout.write(`${new Set(runs).size} of ${2 * rounds} messages came${once}`, () => process.exit(0));
