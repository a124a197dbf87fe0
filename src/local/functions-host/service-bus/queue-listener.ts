import type { ProcessErrorArgs, ServiceBusReceivedMessage } from '@azure/service-bus';
import { InFlight, type Listener } from '../listener.ts';
import { describeError, hostLine } from '../log.ts';
import { Lane } from './lane.ts';
import { keepLocked } from './lock-renewal.ts';
import { type QueueFunction, runQueueFunction } from './queue-function.ts';
import { Settler } from './settler.ts';
import { Slots } from './slots.ts';

/**
 * The SDK's receiver keeps deliveries in a ring of 2048 slots that is freed from its oldest end only: one message held
 * long stops its receiver after 2047 others, although those are settled.
 */
const longestSpan = 1024;

/**
 * A queue trigger for single messages: peek-lock, complete on success, abandon on failure, `maxConcurrentCalls` at once.
 *
 * One receiver serves the function. When a message has been held while `longestSpan` others came, the receiver is retired
 * (it only waits for what it still holds) and a fresh one takes over, so long and short messages can share a queue without
 * stopping each other. Several receivers with few calls each would only make that stop rarer. The bound on calls is kept
 * by this listener across all its receivers; a message that came with all calls taken waits here with its lock renewed.
 */
export class QueueListener implements Listener {
  readonly #options: QueueFunction;
  readonly #slots: Slots;
  readonly #settler: Settler;
  readonly #inFlight = new InFlight();
  readonly #lanes = new Set<Lane>();
  #current: Lane | null = null;
  #paused = false;

  constructor(options: QueueFunction) {
    this.#options = options;
    this.#slots = new Slots(options.settings.maxConcurrentCalls);
    this.#settler = new Settler(options, (lane) => this.#dropLane(lane));
  }

  async start(): Promise<void> {
    this.#openLane();
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await Promise.all([...this.#lanes].map((lane) => lane.retire()));
  }

  idle(): Promise<void> {
    return this.#inFlight.idle();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lanes].map((lane) => lane.close()));
    await this.#settler.close();
  }

  #openLane(): void {
    const lane: Lane = new Lane({
      client: this.#options.client,
      queueName: this.#options.queueName,
      maxConcurrentCalls: this.#options.settings.maxConcurrentCalls,
      onMessage: (from, message) => this.#inFlight.track(() => this.#onMessage(from, message)),
      onError: (args) => this.#onError(args),
    });
    this.#lanes.add(lane);
    this.#current = lane;
  }

  /** Resolves when the function has ended: the receiver then asks for the next message, while this one is being settled. */
  async #onMessage(lane: Lane, message: ServiceBusReceivedMessage): Promise<void> {
    const leave = lane.deliver();
    let ended = false;
    if (lane === this.#current && lane.span >= longestSpan && !this.#paused) this.#replaceLane(lane);
    const lock = keepLocked({
      lockedUntil: message.lockedUntilUtc ?? new Date(),
      renew: () => this.#settler.renew(message),
      maxDurationMs: this.#options.settings.maxAutoLockRenewalMs,
      onLost: (error) => {
        if (!ended)
          this.#warn(`The lock of message ${String(message.messageId)} was lost while its function ran`, error);
      },
    });
    const outcome = await this.#slots.use(async () =>
      this.#paused ? 'abandon' : runQueueFunction(this.#options, [message]),
    );
    ended = true;
    const settlement = this.#inFlight.track(async () => {
      if (outcome !== 'none') await this.#settler.settle(lane, message, outcome);
      lock.stop();
      leave(outcome !== 'none');
    });
    settlement.catch((error: unknown) => this.#warn('A settlement failed in the host', error));
  }

  #replaceLane(lane: Lane): void {
    this.#openLane();
    void lane.retire().then(() => this.#lanes.delete(lane));
  }

  /** The lane's link is dead: after a reconnect the SDK would settle on it without sending anything. */
  async #dropLane(lane: Lane): Promise<void> {
    if (lane === this.#current && !this.#paused) this.#openLane();
    await lane.close();
    this.#lanes.delete(lane);
  }

  #onError(args: ProcessErrorArgs): void {
    // The receiver's word for having been closed by us while it was connecting.
    if (args.error.name === 'AbortError') return;
    this.#warn(`The receiver of ${args.entityPath} reports (${args.errorSource})`, args.error);
  }

  #warn(text: string, error: unknown): void {
    hostLine(this.#options.invocations.log, 'warning', `${text}: ${describeError(error)}`, this.#options.functionName);
  }
}
