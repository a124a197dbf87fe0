import { randomUUID } from 'node:crypto';
import type {
  ServiceBusMessage,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
  ServiceBusSender,
} from '@azure/service-bus';
import { CoreMachineError } from '../../core/errors.ts';
import type { Poison } from '../../core/poison.ts';
import {
  type DeadLetter,
  type DeadLetterClient,
  type DeadLetterSource,
  describe,
  inTime,
  peekAll,
  withReceiver,
} from './dead-letters.ts';

export type Selection =
  | { readonly all: true }
  | { readonly messageIds: readonly string[] }
  | { readonly sequenceNumbers: readonly string[] };

export interface Moved {
  readonly sequenceNumber: string;
  readonly messageId: string;
  readonly newMessageId: string;
}

export interface Refused {
  readonly sequenceNumber: string;
  readonly messageId: string;
  readonly poison: Poison;
}

export interface ResubmitReport {
  readonly moved: readonly Moved[];
  /** Poison that was chosen and stays where it is. */
  readonly refused: readonly Refused[];
  /** Ids or numbers that were asked for and are not among the dead letters searched, or held by another call. */
  readonly notFound: readonly string[];
  /** Dead letters that were looked at, from the oldest. */
  readonly searched: number;
  /** Whether there are more than one call looks at; what it did not find may be among them. */
  readonly more: boolean;
}

const resubmitLimitMs = 30_000;
/** A receiver that holds 2,048 unsettled messages gets no more. */
const mostSearched = 2000;
const receiveSize = 100;
/** How long an empty queue is listened to: what the peek saw is then held by somebody else. */
const receiveWaitMs = 1000;

/**
 * Sends a copy of each chosen dead letter to its queue, then completes the dead letter: what breaks in between leaves both,
 * and a second copy of a message does no harm. A copy has a new id, for the old one may still be known as a duplicate.
 * Poison stays, unless `force`. Throws QUEUE_UNAVAILABLE, at the latest after 30 s; what was moved by then stays moved.
 */
export function resubmitDeadLetters(
  client: DeadLetterClient,
  source: DeadLetterSource,
  selection: Selection,
  options: { readonly force: boolean },
): Promise<ResubmitReport> {
  const signal = AbortSignal.timeout(client.deadLetterLimitMs ?? resubmitLimitMs);
  return withReceiver(client, source.queue, signal, async (receiver, bus) => {
    const survey = await searchFor(receiver, signal, source, selection);
    const refused = options.force ? [] : survey.chosen.flatMap(asRefused);
    const stay = new Set(refused.map(({ sequenceNumber }) => sequenceNumber));
    const wanted = new Map(
      survey.chosen.filter(({ sequenceNumber }) => !stay.has(sequenceNumber)).map((one) => [one.sequenceNumber, one]),
    );
    const moved = await move({ receiver, sender: bus.createSender(source.queue), signal, wanted });
    const held = [...wanted.values()].map((one) => nameIn(selection, one));
    const { searched, more, missing } = survey;
    return { moved, refused, notFound: [...missing, ...held], searched, more };
  });
}

interface Survey {
  readonly chosen: readonly DeadLetter[];
  readonly missing: readonly string[];
  readonly searched: number;
  readonly more: boolean;
}

async function searchFor(
  receiver: ServiceBusReceiver,
  signal: AbortSignal,
  source: DeadLetterSource,
  selection: Selection,
): Promise<Survey> {
  const named = namesOf(selection);
  const missing = new Set(named);
  const chosen: DeadLetter[] = [];
  let searched = 0;
  for await (const message of peekAll(receiver, signal, { limit: mostSearched + 1 })) {
    if (searched === mostSearched) return { chosen, missing: [...missing], searched, more: true };
    searched += 1;
    const found = describe(source, message);
    const name = nameIn(selection, found);
    if (named && !named.has(name)) continue;
    missing.delete(name);
    chosen.push(found);
  }
  return { chosen, missing: [...missing], searched, more: false };
}

function namesOf(selection: Selection): ReadonlySet<string> | null {
  if ('all' in selection) return null;
  return new Set('messageIds' in selection ? selection.messageIds : selection.sequenceNumbers);
}

function nameIn(selection: Selection, { messageId, sequenceNumber }: DeadLetter): string {
  return 'messageIds' in selection ? messageId : sequenceNumber;
}

/** Age is no reason to keep a message out that somebody asks for: its copy is new. */
function asRefused({ sequenceNumber, messageId, poison }: DeadLetter): Refused[] {
  return poison && poison.reason !== 'ancient' ? [{ sequenceNumber, messageId, poison }] : [];
}

interface Move {
  readonly receiver: ServiceBusReceiver;
  readonly sender: ServiceBusSender;
  readonly signal: AbortSignal;
  /** By sequence number; what was moved is taken out. */
  readonly wanted: Map<string, DeadLetter>;
}

/** A dead letter cannot be asked for by name: all are taken in turn, and those not wanted are held until the end. */
async function move({ receiver, sender, signal, wanted }: Move): Promise<Moved[]> {
  const moved: Moved[] = [];
  const held = new Set<ServiceBusReceivedMessage>();
  try {
    while (wanted.size > 0 && held.size < mostSearched) {
      const wait = { maxWaitTimeInMs: receiveWaitMs, abortSignal: signal };
      const messages = await receiver.receiveMessages(receiveSize, wait);
      if (messages.length === 0) break;
      for (const message of messages) held.add(message);
      const found = messages.filter(({ sequenceNumber }) => wanted.has(String(sequenceNumber)));
      await copyAndComplete({ receiver, sender, signal }, found, (message, copy) => {
        held.delete(message);
        wanted.delete(String(message.sequenceNumber));
        moved.push(asMoved(message, copy));
      });
    }
    return moved;
  } catch (cause) {
    if (moved.length === 0) throw cause;
    const text = `broke off after ${moved.length} messages were moved; the rest is where it was`;
    throw new CoreMachineError('QUEUE_UNAVAILABLE', `queue ${sender.entityPath}: ${text}`, { cause });
  } finally {
    await giveBack(receiver, held, signal);
  }
}

/** All copies first, then the completions: settlements of one receiver must be of one kind at a time. */
async function copyAndComplete(
  { receiver, sender, signal }: Omit<Move, 'wanted'>,
  messages: readonly ServiceBusReceivedMessage[],
  done: (message: ServiceBusReceivedMessage, copy: Copy) => void,
): Promise<void> {
  const sending = messages.map(async (message) => {
    const copy = copyOf(message);
    await sender.sendMessages(copy, { abortSignal: signal });
    return { message, copy };
  });
  const sent = await Promise.allSettled(sending);
  const completing = sent.map(async (one) => {
    if (one.status === 'rejected') throw one.reason;
    await inTime(receiver.completeMessage(one.value.message), signal);
    done(one.value.message, one.value.copy);
  });
  const failure = (await Promise.allSettled(completing)).find((one) => one.status === 'rejected');
  if (failure) throw failure.reason;
}

/** A lock that is not given back runs out by itself. */
async function giveBack(
  receiver: ServiceBusReceiver,
  held: ReadonlySet<ServiceBusReceivedMessage>,
  signal: AbortSignal,
): Promise<void> {
  const all = Promise.allSettled([...held].map((message) => receiver.abandonMessage(message)));
  await inTime(all, signal).catch(() => {});
}

type Copy = ServiceBusMessage & { readonly messageId: string };

/** Without what Service Bus wrote into it when it died, and without its time to live. */
function copyOf(message: ServiceBusReceivedMessage): Copy {
  const { body, contentType, correlationId, subject, to, replyTo, applicationProperties = {} } = message;
  const { DeadLetterReason: _reason, DeadLetterErrorDescription: _description, ...properties } = applicationProperties;
  return {
    body,
    messageId: `${String(message.messageId ?? '').slice(0, 88)}:r${randomUUID()}`,
    applicationProperties: properties,
    ...(contentType !== undefined && { contentType }),
    ...(correlationId !== undefined && { correlationId }),
    ...(subject !== undefined && { subject }),
    ...(to !== undefined && { to }),
    ...(replyTo !== undefined && { replyTo }),
  };
}

function asMoved({ sequenceNumber, messageId }: ServiceBusReceivedMessage, copy: Copy): Moved {
  return {
    sequenceNumber: String(sequenceNumber ?? ''),
    messageId: String(messageId ?? ''),
    newMessageId: copy.messageId,
  };
}
