import type { ServiceBusAdministrationClient } from '@azure/service-bus';
import { connectAdministration, type ServiceBusConnection } from './connection.ts';
import { toQueueError } from './queue-error.ts';

export interface QueueCounts {
  readonly active: number;
  readonly scheduled: number;
  readonly deadLetter: number;
  /** All of them, also those that are on their way to another queue. */
  readonly total: number;
  readonly sizeBytes: number;
}

/** Reads how full queues are. The identity needs Azure Service Bus Data Owner, a connection string the Manage right. */
export class QueueInspector {
  readonly #client: ServiceBusAdministrationClient;

  constructor(connection: ServiceBusConnection) {
    this.#client = connectAdministration(connection);
  }

  /** Throws QUEUE_UNAVAILABLE, also for a queue that does not exist and for a missing right. */
  async counts(queue: string, signal?: AbortSignal): Promise<QueueCounts> {
    try {
      const found = await this.#client.getQueueRuntimeProperties(queue, signal ? { abortSignal: signal } : {});
      return {
        active: found.activeMessageCount,
        scheduled: found.scheduledMessageCount,
        deadLetter: found.deadLetterMessageCount,
        total: found.totalMessageCount ?? 0,
        sizeBytes: found.sizeInBytes ?? 0,
      };
    } catch (error) {
      throw toQueueError(error, queue);
    }
  }
}
