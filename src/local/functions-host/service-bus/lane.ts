import type {
  ProcessErrorArgs,
  ServiceBusClient,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
} from '@azure/service-bus';
import { settledWithin } from '../deadline.ts';
import { SettlementGate } from './settlement-gate.ts';

export interface LaneOptions {
  readonly client: ServiceBusClient;
  readonly queueName: string;
  readonly maxConcurrentCalls: number;
  readonly onMessage: (lane: Lane, message: ServiceBusReceivedMessage) => Promise<void>;
  readonly onError: (args: ProcessErrorArgs) => void;
}

/** Renewal by the SDK is off everywhere (see keepLocked), and bodies stay bytes and times are times, as the host hands them on. */
export const receiverOptions = {
  receiveMode: 'peekLock',
  maxAutoLockRenewalDurationInMs: 0,
  skipParsingBodyAsJson: true,
  skipConvertingDate: true,
} as const;

/** How long closing a link may take before it is left to the end of its connection. */
const closeLimitMs = 5000;

/** One subscribed receiver, which is one AMQP link, with the gate of its settlements. */
export class Lane {
  readonly gate = new SettlementGate();
  readonly #receiver: ServiceBusReceiver;
  readonly #subscription: { close(): Promise<void> };
  readonly #unsettled = new Set<number>();
  #delivered = 0;
  #working = 0;
  #retiring: Promise<void> | null = null;
  #retired = false;
  #closed: Promise<void> | null = null;

  constructor(options: LaneOptions) {
    this.#receiver = options.client.createReceiver(options.queueName, receiverOptions);
    this.#subscription = this.#receiver.subscribe(
      {
        processMessage: (message) => options.onMessage(this, message),
        processError: async (args) => options.onError(args),
      },
      { autoCompleteMessages: false, maxConcurrentCalls: options.maxConcurrentCalls },
    );
  }

  /** Counts a delivery; the answer is called when its work is over, with whether the message was settled. */
  deliver(): (settled: boolean) => void {
    this.#delivered += 1;
    const number = this.#delivered;
    this.#unsettled.add(number);
    this.#working += 1;
    return (settled) => {
      if (settled) this.#unsettled.delete(number);
      this.#working -= 1;
      this.#closeWhenDone();
    };
  }

  /** Deliveries since the oldest one that is not settled. */
  get span(): number {
    const [oldest = this.#delivered] = this.#unsettled;
    return this.#delivered - oldest;
  }

  /** Takes no more messages; the link stays for the settlement of those it has, then closes by itself. */
  retire(): Promise<void> {
    this.#retiring ??= settledWithin(this.#subscription.close(), closeLimitMs).then(() => {
      this.#retired = true;
      this.#closeWhenDone();
    });
    return this.#retiring;
  }

  close(): Promise<void> {
    this.#closed ??= settledWithin(this.#receiver.close(), closeLimitMs).then(() => {});
    return this.#closed;
  }

  #closeWhenDone(): void {
    if (this.#retired && this.#working === 0) void this.close();
  }
}
