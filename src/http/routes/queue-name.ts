import { z } from 'zod';
import { CoreMachineError } from '../../../core/errors.ts';
import type { QueueName } from '../../../core/ports/message-queue.ts';
import type { Config } from '../../config.ts';

export interface NamedQueue {
  readonly role: QueueName;
  readonly name: string;
}

export const queueParameter = z.object({
  name: z.string().min(1).max(260).describe('`jobs`, `tasks`, or the queue’s own name.'),
});

export function queuesOf({ jobQueueName, taskQueueName }: Config): readonly [NamedQueue, NamedQueue] {
  return [
    { role: 'jobs', name: jobQueueName },
    { role: 'tasks', name: taskQueueName },
  ];
}

/** By its own name in any case, as Service Bus takes it, else by its role. Throws QUEUE_NOT_FOUND with the known names. */
export function findQueue(config: Config, given: string): NamedQueue {
  const queues = queuesOf(config);
  const found =
    queues.find(({ name }) => name.toLowerCase() === given.toLowerCase()) ?? queues.find(({ role }) => role === given);
  if (found) return found;
  throw new CoreMachineError('QUEUE_NOT_FOUND', 'there is no queue of this name', {
    details: queues.map(({ role, name }) => ({ path: 'name', code: 'known_queue', message: `${name} (or ${role})` })),
  });
}
