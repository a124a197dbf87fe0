import { setTimeout as wait } from 'node:timers/promises';
import type { RetryOptions, ServiceBusClient, ServiceBusMessage, ServiceBusReceiver } from '@azure/service-bus';
import { CoreMachineError } from '../../core/errors.ts';
import { type JsonObject, jsonExceeds } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type {
  JobMessage,
  MessageQueue,
  OutgoingMessage,
  QueueName,
  TaskMessage,
} from '../../core/ports/message-queue.ts';
import { connectMessages, type ServiceBusConnection } from './connection.ts';
import { type DeadLetterPage, type DeadLetterSource, listDeadLetters } from './dead-letters.ts';
import { type QueueCounts, QueueInspector } from './inspector.ts';
import { Outbox } from './outbox.ts';
import { toQueueError } from './queue-error.ts';
import { type ResubmitReport, resubmitDeadLetters, type Selection } from './resubmit.ts';

export interface ServiceBusQueueOptions {
  readonly connection: ServiceBusConnection;
  readonly jobQueue: string;
  readonly taskQueue: string;
  readonly log: Log;
  /** Of the SDK; default two retries after 0.5 and 1.5 s. */
  readonly retryOptions?: RetryOptions;
  /** How long a batch may stay without an answer, twice; default 8 s. */
  readonly tryLimitMs?: number;
  /** Dead letters older than this are shown as ancient; default 7 days. */
  readonly messageAgeMs?: number;
  /** How long listing and resubmitting dead letters may take; default 8 s and 30 s. */
  readonly deadLetterLimitMs?: number;
}

export interface ServiceBusQueue extends MessageQueue {
  /**
   * Asks both queues for their next message without taking it, which needs sender, queue and right to be in order.
   * Shows the counts, or null where the right to manage is missing. Throws QUEUE_UNAVAILABLE.
   */
  health(): Promise<JsonObject>;
  /** Needs the right to manage. Throws QUEUE_UNAVAILABLE, at the latest after 3 s. */
  counts(role: QueueName): Promise<QueueCounts>;
  deadLetters(role: QueueName, page: { readonly limit: number; readonly after?: string }): Promise<DeadLetterPage>;
  resubmit(role: QueueName, selection: Selection, options: { readonly force: boolean }): Promise<ResubmitReport>;
  close(): Promise<void>;
}

/** The service's own limit for a message id. */
const longestId = 128;
const healthLimitMs = 5000;
const healthCountsLimitMs = 1000;
const countsLimitMs = 3000;
const closeLimitMs = 3000;

/** Opens nothing yet: the first message connects, and a lost connection is opened again by the next one. */
export function openServiceBusQueue(options: ServiceBusQueueOptions): ServiceBusQueue {
  return new AzureServiceBusQueue(options);
}

class AzureServiceBusQueue implements ServiceBusQueue {
  readonly #options: ServiceBusQueueOptions;
  readonly #client: ServiceBusClient;
  readonly #inspector: QueueInspector;
  readonly #jobs: Outbox;
  readonly #tasks: Outbox;
  readonly #receivers: readonly ServiceBusReceiver[];

  constructor(options: ServiceBusQueueOptions) {
    const { connection, jobQueue, taskQueue } = options;
    this.#options = options;
    this.#client = connectMessages(connection, options.retryOptions);
    this.#inspector = new QueueInspector(connection);
    this.#jobs = openOutbox(this.#client, jobQueue, options);
    this.#tasks = openOutbox(this.#client, taskQueue, options);
    this.#receivers = [jobQueue, taskQueue].map((queue) => this.#client.createReceiver(queue));
  }

  async sendJobMessages(messages: readonly OutgoingMessage<JobMessage>[]): Promise<void> {
    await this.#jobs.send(messages.map(toServiceBusMessage));
  }

  async sendTaskMessages(messages: readonly OutgoingMessage<TaskMessage>[]): Promise<void> {
    await this.#tasks.send(messages.map(toServiceBusMessage));
  }

  async health(): Promise<JsonObject> {
    const queues = await Promise.all(
      this.#receivers.map(async (receiver) => {
        const [, counts] = await Promise.all([peek(receiver), this.#countsIfAllowed(receiver.entityPath)]);
        return [receiver.entityPath, counts && shownCounts(counts)] as const;
      }),
    );
    return { namespace: this.#client.fullyQualifiedNamespace, queues: Object.fromEntries(queues) };
  }

  counts(role: QueueName): Promise<QueueCounts> {
    return this.#inspector.counts(this.#source(role).queue, AbortSignal.timeout(countsLimitMs));
  }

  deadLetters(role: QueueName, page: { readonly limit: number; readonly after?: string }): Promise<DeadLetterPage> {
    return listDeadLetters(this.#options, this.#source(role), page);
  }

  resubmit(role: QueueName, selection: Selection, options: { readonly force: boolean }): Promise<ResubmitReport> {
    return resubmitDeadLetters(this.#options, this.#source(role), selection, options);
  }

  async close(): Promise<void> {
    // Over a dead connection the SDK waits a minute for the other side's farewell.
    const limit = wait(closeLimitMs, undefined, { ref: false });
    await Promise.race([this.#client.close(), limit]);
  }

  #source(role: QueueName): DeadLetterSource {
    const { jobQueue, taskQueue, messageAgeMs = limits.messageAgeMs } = this.#options;
    return { role, queue: role === 'jobs' ? jobQueue : taskQueue, messageAgeMs };
  }

  async #countsIfAllowed(queue: string): Promise<QueueCounts | null> {
    return this.#inspector.counts(queue, AbortSignal.timeout(healthCountsLimitMs)).catch(() => null);
  }
}

function openOutbox(client: ServiceBusClient, queue: string, options: ServiceBusQueueOptions): Outbox {
  return new Outbox({
    sender: client.createSender(queue),
    queue,
    tryLimitMs: options.tryLimitMs ?? 8000,
    onSent: ({ messages, durationMs }) => options.log.info('Message:Sent', { queue, messages, durationMs }),
  });
}

/** Throws BAD_MESSAGE for one that carries more than ids. */
function toServiceBusMessage({ id, body, notBefore }: OutgoingMessage<JobMessage>): ServiceBusMessage {
  if (jsonExceeds(body, limits.messageBytes) || id.length > longestId) {
    throw new CoreMachineError('BAD_MESSAGE', `the message ${id.slice(0, longestId)} is larger than a message may be`);
  }
  return {
    messageId: id,
    body,
    contentType: 'application/json',
    correlationId: body.correlation_id,
    ...(notBefore && notBefore.getTime() > Date.now() && { scheduledEnqueueTimeUtc: atWholeSecond(notBefore) }),
  };
}

/** Never before the time asked for; in whole seconds many retries fall together and share a batch. */
function atWholeSecond(time: Date): Date {
  return new Date(Math.ceil(time.getTime() / 1000) * 1000);
}

async function peek(receiver: ServiceBusReceiver): Promise<void> {
  try {
    await receiver.peekMessages(1, { abortSignal: AbortSignal.timeout(healthLimitMs) });
  } catch (error) {
    throw toQueueError(error, receiver.entityPath);
  }
}

function shownCounts({ active, scheduled, deadLetter }: QueueCounts): JsonObject {
  return { active, scheduled, dead_letter: deadLetter };
}
