import { CoreMachineError } from './errors.ts';
import { isObject, jsonBytes } from './json.ts';
import { limits } from './limits.ts';
import type { Engine } from './machine/engine.ts';
import { type Messages, readMessage } from './messages.ts';
import type { QueueName } from './ports/message-queue.ts';

/** Why a message is never worked on. Trying it again cannot help; the dead-letter queue is its place. */
export type PoisonReason = 'oversized' | 'unparsable' | 'foreign' | 'ancient';

export interface Poison {
  readonly reason: PoisonReason;
  /** For people; names what is wrong, never shows the message's values. */
  readonly description: string;
}

/** What the queue says about one delivery; every part may be missing. */
export interface Delivery {
  readonly messageId?: string;
  /** 1 at the first delivery. */
  readonly deliveryCount?: number;
  readonly enqueuedAt?: Date;
}

const dayMs = 24 * 60 * 60 * 1000;
const longestDescription = 400;

/** How long a message has been in its queue. */
interface Age {
  readonly ms: number;
  readonly limitMs: number;
}

type Verdict<Queue extends QueueName> =
  | { readonly message: Messages[Queue]; readonly poison: null }
  | { readonly message: null; readonly poison: Poison };

/**
 * `body`: the parsed JSON, or the text or bytes themselves where they are none. A job of an unknown type is no poison: its
 * message is in order, and the job fails.
 */
export function findPoison(queue: QueueName, body: unknown, age?: Age): Poison | null {
  return judge(queue, body, age).poison;
}

function judge<Queue extends QueueName>(queue: Queue, body: unknown, age: Age | undefined): Verdict<Queue> {
  const read = isObject(body) && !(body instanceof Uint8Array) ? readMessage(queue, body) : null;
  if (!read?.message) return refused(poisonIn(queue, body, read?.problems ?? null));
  if (age && age.ms > age.limitMs) {
    return refused(poison('ancient', `queued ${days(age.ms)} days ago, over the limit of ${days(age.limitMs)}`));
  }
  return { message: read.message, poison: null };
}

/** Only of what is no message: one in order is small, since each of its fields is. */
function poisonIn(queue: QueueName, body: unknown, problems: readonly string[] | null): Poison {
  const bytes = sizeOf(body);
  if (bytes > limits.incomingMessageBytes) {
    return poison(
      'oversized',
      `${sizeText(bytes)} is more than the ${limits.incomingMessageBytes} bytes of any message`,
    );
  }
  if (problems === null) return poison('unparsable', 'the body is not a JSON object');
  return poison('foreign', `not a message of the ${queue} queue: ${problems.join('; ')}`);
}

function refused(poison: Poison): { readonly message: null; readonly poison: Poison } {
  return { message: null, poison };
}

/**
 * The message in a body. Throws BAD_MESSAGE for poison, and logs it at its first delivery. The trigger hands the message
 * back at once; when its deliveries are used up it is a dead letter, and other messages are worked on meanwhile.
 */
export function acceptMessage<Queue extends QueueName>(
  { log, telemetry, now, messageAgeMs }: Pick<Engine, 'log' | 'telemetry' | 'now' | 'messageAgeMs'>,
  queue: Queue,
  body: unknown,
  { messageId, deliveryCount = 1, enqueuedAt }: Delivery,
): Messages[Queue] {
  const age = enqueuedAt && { ms: now() - enqueuedAt.getTime(), limitMs: messageAgeMs };
  const { message, poison } = judge(queue, body, age);
  if (poison === null) return message;
  const { reason, description } = poison;
  if (deliveryCount <= 1) {
    log.error('Message:Refused', { queue, messageId: messageId?.slice(0, 128), reason, description });
    telemetry.count('coremachine.messages.refused', { queue, reason });
  }
  throw new CoreMachineError('BAD_MESSAGE', `${reason}: ${description}`, {
    details: [{ code: reason, message: description }],
  });
}

function poison(reason: PoisonReason, description: string): Poison {
  return { reason, description: description.slice(0, longestDescription) };
}

/** Infinite for what is nested deeper than JSON can be written. */
function sizeOf(body: unknown): number {
  if (body instanceof Uint8Array) return body.byteLength;
  if (typeof body === 'string') return new TextEncoder().encode(body).byteLength;
  try {
    return jsonBytes(body);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function sizeText(bytes: number): string {
  return Number.isFinite(bytes) ? `a body of ${bytes} bytes` : 'a body nested this deeply';
}

function days(ms: number): string {
  return (ms / dayMs).toFixed(1).replace(/\.0$/, '');
}
