import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import { DeadlineError, withDeadline } from '../deadline.ts';
import { describeError, hostLine } from '../log.ts';
import { type Lane, receiverOptions } from './lane.ts';
import type { QueueFunction } from './queue-function.ts';
import type { SettlementGate } from './settlement-gate.ts';

/**
 * Settles messages and renews their locks through a receiver that never opens a link of its own: the SDK then uses the link
 * a message came on, or, when that one is closed, the queue's management link.
 */
export class Settler {
  readonly #options: QueueFunction;
  readonly #receiver: ServiceBusReceiver;
  readonly #dropLane: (lane: Lane) => Promise<void>;

  constructor(options: QueueFunction, dropLane: (lane: Lane) => Promise<void>) {
    this.#options = options;
    this.#receiver = options.client.createReceiver(options.queueName, receiverOptions);
    this.#dropLane = dropLane;
  }

  renew(message: ServiceBusReceivedMessage): Promise<Date> {
    return this.#receiver.renewMessageLock(message);
  }

  /** Never throws: a message that cannot be settled is logged and comes again when its lock has run out. */
  async settle(lane: Lane, message: ServiceBusReceivedMessage, outcome: 'complete' | 'abandon'): Promise<void> {
    try {
      await this.#settleWithin(lane.gate, message, outcome).catch(async (error: unknown) => {
        if (!(error instanceof DeadlineError)) throw error;
        await this.#dropLane(lane);
        await this.#settleWithin(lane.gate, message, outcome);
      });
    } catch (error) {
      const text = `Could not ${outcome} message ${String(message.messageId)}; it will come again: ${describeError(error)}`;
      hostLine(this.#options.invocations.log, 'warning', text, this.#options.functionName);
    }
  }

  close(): Promise<void> {
    return this.#receiver.close();
  }

  #settleWithin(
    gate: SettlementGate,
    message: ServiceBusReceivedMessage,
    outcome: 'complete' | 'abandon',
  ): Promise<void> {
    const call = () =>
      outcome === 'complete' ? this.#receiver.completeMessage(message) : this.#receiver.abandonMessage(message);
    return withDeadline(gate.pass(outcome, call), this.#options.settleLimitMs, `The settlement (${outcome})`);
  }
}
