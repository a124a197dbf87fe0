import type { QueueName } from '../../core/ports/message-queue.ts';
import { MemoryQueue } from '../../core/testing/memory-queue.ts';
import { type DeliveredMessage, messageQueueContract } from './message-queue.ts';

messageQueueContract('memory', async () => {
  const queue = new MemoryQueue();
  const taken: Record<QueueName, DeliveredMessage[]> = { jobs: [], tasks: [] };
  return {
    queue,
    async take(from) {
      for (let next = queue.take(); next; next = queue.take()) {
        const { id, body } = next.message;
        taken[next.queue].push({ id, body, receivedAt: Date.now() });
      }
      return taken[from].splice(0);
    },
    async close() {},
  };
});
