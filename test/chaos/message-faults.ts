import { setTimeout as wait } from 'node:timers/promises';
import type { JobMessage, MessageQueue, OutgoingMessage, TaskMessage } from '../../core/ports/message-queue.ts';
import { randomFor } from './random.ts';

/** How likely each fate of a message is, 0-1 each. The fate is decided by the seed and the message's id. */
export interface MessageFaults {
  readonly seed: number;
  readonly drop: number;
  readonly double: number;
  readonly delay: number;
  /** The order within each batch is lost. */
  readonly shuffle: boolean;
}

/** What can be done to a message, or to a batch of them. */
export const fates = ['drop', 'double', 'delay', 'shuffle'] as const satisfies readonly (keyof MessageFaults)[];
export type Fate = (typeof fates)[number];

const longestDelayMs = 1200;
/** Retries of five seconds and more would be all that a trial does. */
const longestWaitMs = 400;

type Send<Body extends JobMessage> = (messages: readonly OutgoingMessage<Body>[]) => Promise<void>;

/**
 * A queue that accepts everything and loses, doubles, delays and reorders some of it while `faults` says so; `onFates` is
 * told what it did.
 */
export function faultyQueue(
  queue: MessageQueue,
  faults: () => MessageFaults | null,
  onFates: (fates: readonly Fate[]) => void,
): MessageQueue {
  const sendJobs: Send<JobMessage> = (some) => queue.sendJobMessages(some);
  const sendTasks: Send<TaskMessage> = (some) => queue.sendTaskMessages(some);
  return {
    sendJobMessages: (messages) => sendSome(sendJobs, messages, faults(), onFates),
    sendTaskMessages: (messages) => sendSome(sendTasks, messages.map(hurried), faults(), onFates),
  };
}

async function sendSome<Body extends JobMessage>(
  send: Send<Body>,
  messages: readonly OutgoingMessage<Body>[],
  faults: MessageFaults | null,
  onFates: (fates: readonly Fate[]) => void,
): Promise<void> {
  if (!faults) return send(messages);
  const struck: Fate[] = [];
  const now: OutgoingMessage<Body>[] = [];
  for (const message of messages) {
    const random = randomFor(faults.seed, message.id);
    if (random.chance(faults.drop)) {
      struck.push('drop');
      continue;
    }
    if (random.chance(faults.delay)) {
      struck.push('delay');
      sendLater(send, message, random.whole(50, longestDelayMs));
    } else now.push(message);
    if (random.chance(faults.double)) {
      struck.push('double');
      // Under an id of its own: the queue would drop the second of one id.
      sendLater(send, { ...message, id: `${message.id}:d` }, random.whole(0, 500));
    }
  }
  const order = faults.shuffle ? randomFor(faults.seed, now[0]?.id ?? '').shuffled(now) : now;
  if (order.some((message, index) => message !== now[index])) struck.push('shuffle');
  if (struck.length > 0) onFates(struck);
  await send(order);
}

/** Lost when the process dies meanwhile, as a message in a buffer would be. */
function sendLater<Body extends JobMessage>(send: Send<Body>, message: OutgoingMessage<Body>, delayMs: number): void {
  void wait(delayMs, undefined, { ref: false })
    .then(() => send([message]))
    .catch(() => {});
}

function hurried<Body extends JobMessage>(message: OutgoingMessage<Body>): OutgoingMessage<Body> {
  const latest = Date.now() + longestWaitMs;
  if (!message.notBefore || message.notBefore.getTime() <= latest) return message;
  return { ...message, notBefore: new Date(latest) };
}
