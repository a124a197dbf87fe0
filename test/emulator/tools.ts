import { ServiceBusClient, type ServiceBusReceivedMessage, type ServiceBusReceiver } from '@azure/service-bus';
import {
  type EmulatorOptions,
  type ServiceBusEmulator,
  startServiceBusEmulator,
} from '../../src/local/service-bus/server.ts';

/** Lock times under 1.5 s make the SDK renew without pause. */
export const lockMs = 1500;

export const queueDefaults = {
  lockDurationMs: lockMs,
  maxDeliveryCount: 3,
  duplicateDetectionWindowMs: null,
  defaultTtlMs: null,
  deadLetterOnExpiry: true,
};

/** The SDK's own retry pauses are 30 s; an emulator on this machine is back sooner. */
export const quickRetries = { retryDelayInMs: 200, maxRetryDelayInMs: 500, timeoutInMs: 5000 };

export interface Setup {
  readonly emulator: ServiceBusEmulator;
  readonly client: ServiceBusClient;
  close(): Promise<void>;
}

export async function setup(options: Partial<EmulatorOptions> = {}): Promise<Setup> {
  const emulator = await startServiceBusEmulator({ queues: [{ ...queueDefaults, name: 'q' }], ...options });
  const client = new ServiceBusClient(emulator.connectionString, { retryOptions: quickRetries });
  return {
    emulator,
    client,
    async close() {
      await client.close();
      await emulator.close();
    },
  };
}

/** Receives until `count` have come or nothing comes any more. */
export async function receiveAll(receiver: ServiceBusReceiver, count: number): Promise<ServiceBusReceivedMessage[]> {
  const received: ServiceBusReceivedMessage[] = [];
  while (received.length < count) {
    const batch = await receiver.receiveMessages(count - received.length, { maxWaitTimeInMs: 3000 });
    if (batch.length === 0) break;
    received.push(...batch);
  }
  return received;
}

export async function one(receiver: ServiceBusReceiver, maxWaitTimeInMs = 5000): Promise<ServiceBusReceivedMessage> {
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs });
  if (!message) throw new Error('no message came');
  return message;
}
