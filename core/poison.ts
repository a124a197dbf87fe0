import { CoreMachineError } from './errors.ts';
import { isObject, jsonBytes } from './json.ts';
import { limits } from './limits.ts';
import type { Engine } from './machine/engine.ts';
import { messageProblems } from './messages.ts';
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

/**
 * `body`: the parsed JSON, or the text or bytes themselves where they are none. A job of an unknown type is no poison: its
 * message is in order, and the job fails.
 */
export function findPoison(queue: QueueName, body: unknown, age?: { ms: number; limitMs: number }): Poison | null {
  const bytes = sizeOf(body);
  if (bytes > limits.incomingMessageBytes) {
    return poison(
      'oversized',
      `${sizeText(bytes)} is more than the ${limits.incomingMessageBytes} bytes of any message`,
    );
  }
  if (!isObject(body) || body instanceof Uint8Array) return poison('unparsable', 'the body is not a JSON object');
  const problems = messageProblems(queue, body);
  if (problems.length > 0) return poison('foreign', `not a message of the ${queue} queue: ${problems.join('; ')}`);
  if (age && age.ms > age.limitMs) {
    return poison('ancient', `queued ${days(age.ms)} days ago, over the limit of ${days(age.limitMs)}`);
  }
  return null;
}

/**
 * Throws BAD_MESSAGE for poison, and logs it at its first delivery. The trigger hands the message back at once; when its
 * deliveries are used up it is a dead letter, and other messages are worked on meanwhile.
 */
export function refusePoison(
  { log, telemetry, now, messageAgeMs }: Pick<Engine, 'log' | 'telemetry' | 'now' | 'messageAgeMs'>,
  queue: QueueName,
  body: unknown,
  { messageId, deliveryCount = 1, enqueuedAt }: Delivery,
): void {
  const age = enqueuedAt && { ms: now() - enqueuedAt.getTime(), limitMs: messageAgeMs };
  const found = findPoison(queue, body, age);
  if (!found) return;
  const { reason, description } = found;
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
