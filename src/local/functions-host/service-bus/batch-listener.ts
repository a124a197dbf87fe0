import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import { settledWithin } from '../deadline.ts';
import { InFlight, type Listener } from '../listener.ts';
import { describeError, hostLine } from '../log.ts';
import { receiverOptions } from './lane.ts';
import { type QueueFunction, runQueueFunction } from './queue-function.ts';
import { SettlementGate } from './settlement-gate.ts';

/** What the SDK's receiver can hold at once. */
const largestBatch = 2047;
/** Short, because stopping waits for it: ending a receive early would leave its messages locked. */
const waitMs = 2000;
const closeLimitMs = 5000;

/**
 * A queue trigger of cardinality `many`: one batch after the other, no lock renewal, all completed or all abandoned. As in
 * Azure the whole batch has to end within the lock duration.
 */
export class BatchListener implements Listener {
  readonly #options: QueueFunction;
  readonly #receiver: ServiceBusReceiver;
  readonly #gate = new SettlementGate();
  readonly #inFlight = new InFlight();
  readonly #stop = new AbortController();

  constructor(options: QueueFunction) {
    this.#options = options;
    this.#receiver = options.client.createReceiver(options.queueName, receiverOptions);
  }

  async start(): Promise<void> {
    this.#inFlight.track(() => this.#loop()).catch((error: unknown) => this.#warn('The batch trigger ended', error));
  }

  async pause(): Promise<void> {
    this.#stop.abort();
  }

  idle(): Promise<void> {
    return this.#inFlight.idle();
  }

  async close(): Promise<void> {
    await settledWithin(this.#receiver.close(), closeLimitMs);
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stop;
    const most = Math.min(this.#options.settings.maxMessageBatchSize, largestBatch);
    while (!signal.aborted) {
      try {
        const messages = await this.#receiver.receiveMessages(most, { maxWaitTimeInMs: waitMs });
        if (messages.length > 0) await this.#process(messages);
      } catch (error) {
        if (signal.aborted) return;
        this.#warn('Receiving failed', error);
        await delay(this.#options.settings.retry.delayMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #process(messages: readonly ServiceBusReceivedMessage[]): Promise<void> {
    const outcome = this.#stop.signal.aborted ? 'abandon' : await runQueueFunction(this.#options, messages);
    if (outcome === 'none') return;
    const act = (message: ServiceBusReceivedMessage) =>
      outcome === 'complete' ? this.#receiver.completeMessage(message) : this.#receiver.abandonMessage(message);
    const settlements = messages.map((message) => this.#gate.pass(outcome, () => act(message)));
    const all = Promise.allSettled(settlements).then((results) => {
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) this.#warn(`Could not ${outcome} every message of a batch; those will come again`, failed.reason);
    });
    if (!(await settledWithin(all, this.#options.settleLimitMs)))
      this.#warn('Settling a batch takes long', 'its messages may come again');
  }

  #warn(text: string, error: unknown): void {
    hostLine(this.#options.invocations.log, 'warning', `${text}: ${describeError(error)}`, this.#options.functionName);
  }
}
