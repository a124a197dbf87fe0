import { ServiceBusClient } from '@azure/service-bus';
import { silentLog } from '../../core/log.ts';
import { openServiceBusQueue } from '../../infrastructure/service-bus/queue.ts';
import { startServiceBusEmulator } from '../../src/local/service-bus/server.ts';
import { jobQueue, queueDefinitions, taskQueue } from '../../src/local/stack/queues.ts';
import { messageQueueContract } from './message-queue.ts';

messageQueueContract('Service Bus emulator', async () => {
  const emulator = await startServiceBusEmulator({ queues: queueDefinitions() });
  const queue = openServiceBusQueue({
    connection: emulator.connectionString,
    jobQueue,
    taskQueue,
    log: silentLog,
    retryOptions: { maxRetries: 1, retryDelayInMs: 50 },
    tryLimitMs: 2000,
  });
  const client = new ServiceBusClient(emulator.connectionString);
  const receiverOf = (name: string) => client.createReceiver(name, { receiveMode: 'receiveAndDelete' });
  const receivers = { jobs: receiverOf(jobQueue), tasks: receiverOf(taskQueue) };
  return {
    queue,
    async take(from) {
      const messages = await receivers[from].receiveMessages(500, { maxWaitTimeInMs: 200 });
      return messages.map(({ messageId, body }) => ({ id: String(messageId), body, receivedAt: Date.now() }));
    },
    breakDown: () => emulator.close(),
    async close() {
      await Promise.all([queue.close(), client.close()]);
      await emulator.close();
    },
  };
});
