import type { RetryOptions, ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import { CoreMachineError } from '../../core/errors.ts';
import { findPoison, type Poison } from '../../core/poison.ts';
import type { QueueName } from '../../core/ports/message-queue.ts';
import { connectMessages, type ServiceBusConnection } from './connection.ts';
import { toQueueError } from './queue-error.ts';

export interface DeadLetter {
  /** Decimal, up to 19 digits. */
  readonly sequenceNumber: string;
  readonly messageId: string;
  /** What CoreMachine has against the message itself; null when it could be worked on. */
  readonly poison: Poison | null;
  /** Service Bus's own word, e.g. MaxDeliveryCountExceeded, TTLExpiredException. */
  readonly deadLetterReason: string | null;
  readonly deadLetterDescription: string | null;
  /** Failed deliveries. */
  readonly deliveryCount: number;
  readonly enqueuedAt: Date | null;
  readonly correlationId: string | null;
  readonly contentType: string | null;
  readonly bodyBytes: number;
  /** The body's beginning as text; bytes that are no UTF-8 as U+FFFD. */
  readonly bodyStart: string;
}

export interface DeadLetterPage {
  readonly deadLetters: readonly DeadLetter[];
  /** Whether there was one more behind the last. */
  readonly more: boolean;
}

/** A queue by its place in CoreMachine, its name in Service Bus, and how old its messages may be. */
export interface DeadLetterSource {
  readonly role: QueueName;
  readonly queue: string;
  readonly messageAgeMs: number;
}

export interface DeadLetterClient {
  readonly connection: ServiceBusConnection;
  readonly retryOptions?: RetryOptions;
  /** Of one call; default 8 s for a list, 30 s for resubmitting. */
  readonly deadLetterLimitMs?: number;
}

const listLimitMs = 8000;
const closeLimitMs = 3000;
/** One peek; a page of large messages is not held in memory at once. */
const peekSize = 25;
const shownCharacters = 500;

/**
 * Dead letters in order of their sequence numbers, from the one behind `after`; takes and locks nothing.
 * Throws QUEUE_UNAVAILABLE, at the latest after 8 s.
 */
export function listDeadLetters(
  client: DeadLetterClient,
  source: DeadLetterSource,
  page: { readonly limit: number; readonly after?: string },
): Promise<DeadLetterPage> {
  const signal = AbortSignal.timeout(client.deadLetterLimitMs ?? listLimitMs);
  return withReceiver(client, source.queue, signal, async (receiver) => {
    const found: DeadLetter[] = [];
    for await (const message of peekAll(receiver, signal, { limit: page.limit + 1, after: page.after })) {
      found.push(describe(source, message));
    }
    return { deadLetters: found.slice(0, page.limit), more: found.length > page.limit };
  });
}

/** A connection of its own: a peek goes on where the connection's last one ended, and a dead one holds nobody up. */
export async function withReceiver<T>(
  { connection, retryOptions }: DeadLetterClient,
  queue: string,
  signal: AbortSignal,
  work: (receiver: ServiceBusReceiver, client: ServiceBusClient) => Promise<T>,
): Promise<T> {
  const client = connectMessages(connection, retryOptions);
  try {
    const receiver = client.createReceiver(queue, {
      subQueueType: 'deadLetter',
      skipParsingBodyAsJson: true,
      maxAutoLockRenewalDurationInMs: 0,
    });
    return await inTime(work(receiver, client), signal);
  } catch (error) {
    if (signal.aborted)
      throw new CoreMachineError('QUEUE_UNAVAILABLE', `queue ${queue}: no answer in time`, { cause: error });
    throw toQueueError(error, queue);
  } finally {
    // Over a dead connection the SDK waits a minute for the other side's farewell.
    await inTime(client.close(), AbortSignal.timeout(closeLimitMs)).catch(() => {});
  }
}

export async function* peekAll(
  receiver: ServiceBusReceiver,
  signal: AbortSignal,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): AsyncGenerator<ServiceBusReceivedMessage> {
  let from = after === undefined ? undefined : await numberBehind(receiver, signal, after);
  for (let left = limit; left > 0 && from !== null; ) {
    const count = Math.min(left, peekSize);
    const messages = await receiver.peekMessages(count, {
      abortSignal: signal,
      ...(from && { fromSequenceNumber: from }),
    });
    if (messages.length === 0) return;
    yield* messages;
    left -= messages.length;
    from = messages.at(-1)?.sequenceNumber?.add(1) ?? null;
  }
}

export function describe(source: DeadLetterSource, message: ServiceBusReceivedMessage): DeadLetter {
  const text = textOf(message.body);
  const { enqueuedTimeUtc, sequenceNumber } = message;
  return {
    sequenceNumber: String(sequenceNumber ?? ''),
    messageId: String(message.messageId ?? ''),
    poison: poisonOf(source, message),
    deadLetterReason: message.deadLetterReason ?? null,
    deadLetterDescription: message.deadLetterErrorDescription ?? null,
    deliveryCount: message.deliveryCount ?? 0,
    enqueuedAt: enqueuedTimeUtc ?? null,
    correlationId: message.correlationId === undefined ? null : String(message.correlationId),
    contentType: message.contentType ?? null,
    bodyBytes: message.body instanceof Uint8Array ? message.body.byteLength : Buffer.byteLength(text),
    bodyStart: text.slice(0, shownCharacters),
  };
}

/** The judgement the trigger makes, on the same value: the host gives it JSON parsed and everything else as text. */
function poisonOf({ role, messageAgeMs }: DeadLetterSource, message: ServiceBusReceivedMessage): Poison | null {
  const enqueued = message.enqueuedTimeUtc?.getTime();
  const age = enqueued === undefined ? undefined : { ms: Date.now() - enqueued, limitMs: messageAgeMs };
  return findPoison(role, parsed(textOf(message.body)), age);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Other senders may use AMQP values instead of bytes; what JSON cannot say of them is shown as its kind. */
function textOf(body: unknown): string {
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  if (typeof body === 'string') return body;
  try {
    return JSON.stringify(body) ?? '';
  } catch {
    return `[${typeof body}]`;
  }
}

/** The SDK wants its own kind of 64-bit number, which only a message can give; null when there is none. */
async function numberBehind(receiver: ServiceBusReceiver, signal: AbortSignal, after: string) {
  const [first] = await receiver.peekMessages(1, { abortSignal: signal });
  const number = first?.sequenceNumber;
  return number ? number.sub(number).add(after).add(1) : null;
}

export async function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {});
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
