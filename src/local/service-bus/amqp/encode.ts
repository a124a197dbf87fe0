import rhea from 'rhea';
import type { BrokerMessage, IncomingMessage, MessageSections, PropertyChanges } from '../broker/message.ts';
import { encodeValue } from './rhea-internals.ts';
import { section, sectionValue, walkMessage } from './sections.ts';
import {
  encodedNull,
  encodedTrue,
  encodeInt,
  encodeList,
  encodeLong,
  encodeMap,
  encodeTimestamp,
  encodeUint,
  keyText,
  listItems,
  mapEntries,
} from './values.ts';

const { types } = rhea;

interface DecodedHead {
  readonly message_id?: unknown;
  readonly ttl?: number;
  readonly message_annotations?: Readonly<Record<string, unknown>>;
}

/** Reads what the broker needs of an encoded message: id, life time, schedule. The body is not decoded. */
export function incomingMessage(encoded: Buffer, newId: () => string): IncomingMessage {
  const { header, sections } = walkMessage(encoded);
  const head = Buffer.concat([header, sections.annotations, sections.properties].filter((part) => part !== null));
  const decoded = (rhea.message as unknown as { decode(buffer: Buffer): DecodedHead }).decode(head);
  const scheduled = decoded.message_annotations?.['x-opt-scheduled-enqueue-time'];
  const given = decoded.message_id;
  const messageId = given === undefined || given === null ? newId() : String(given);
  return {
    messageId,
    sections: given === undefined || given === null ? withMessageId(sections, messageId) : sections,
    timeToLiveMs: decoded.ttl ?? null,
    scheduledAt: scheduled === undefined || scheduled === null ? null : Number(scheduled),
  };
}

/** The message as it goes to a receiver: header and annotations are ours, the rest is the sender's own bytes. */
export function encodeForDelivery(message: BrokerMessage, lockedUntil: number | null): Buffer {
  const { properties, applicationProperties, body } = message.sections;
  const parts = [
    encodeHeader(message),
    encodeAnnotations(message, lockedUntil),
    properties,
    applicationProperties,
    body,
  ];
  return Buffer.concat(parts.filter((part) => part !== null));
}

/** Adds or replaces application properties, entry by entry; the others keep their exact types. */
export function mergeProperties(sections: MessageSections, changes: PropertyChanges): MessageSections {
  const given = sections.applicationProperties ? mapEntries(sectionValue(sections.applicationProperties)) : [];
  const kept = given.filter(({ key }) => !((keyText(key) ?? '') in changes));
  const added = Object.entries(changes).map(([name, value]) => ({
    key: encodeValue(types.wrap_string(name)),
    value: encodeValue(typeof value === 'object' && value !== null && !('type' in value) ? null : value),
  }));
  return { ...sections, applicationProperties: section(0x74, encodeMap([...kept, ...added])) };
}

function encodeHeader(message: BrokerMessage): Buffer {
  const ttl = message.expiresAt === null ? null : Math.max(0, message.expiresAt - message.enqueuedAt);
  const encodedTtl = ttl === null ? encodedNull : encodeUint(ttl);
  return section(
    0x70,
    encodeList([encodedTrue, encodedNull, encodedTtl, encodedNull, encodeUint(message.deliveryCount)]),
  );
}

const scheduleName = 'x-opt-scheduled-enqueue-time';

/** The annotations that are ours, their names as symbols. */
const keys = {
  sequence: symbol('x-opt-sequence-number'),
  enqueueSequence: symbol('x-opt-enqueue-sequence-number'),
  enqueuedAt: symbol('x-opt-enqueued-time'),
  state: symbol('x-opt-message-state'),
  lockedUntil: symbol('x-opt-locked-until'),
  scheduledAt: symbol(scheduleName),
  deadLetterSource: symbol('x-opt-deadletter-source'),
};

function symbol(name: string): Buffer {
  return encodeValue(types.wrap_symbol(name));
}

function encodeAnnotations(message: BrokerMessage, lockedUntil: number | null): Buffer {
  const sequence = encodeLong(message.sequence);
  const ours: { key: Buffer; value: Buffer }[] = [
    { key: keys.sequence, value: sequence },
    { key: keys.enqueueSequence, value: sequence },
    { key: keys.enqueuedAt, value: encodeTimestamp(message.enqueuedAt) },
    { key: keys.state, value: encodeInt({ active: 0, deferred: 1, scheduled: 2 }[message.state]) },
  ];
  const { scheduledAt, deadLetterSource } = message;
  if (lockedUntil !== null) ours.push({ key: keys.lockedUntil, value: encodeTimestamp(lockedUntil) });
  if (scheduledAt !== null) ours.push({ key: keys.scheduledAt, value: encodeTimestamp(scheduledAt) });
  if (deadLetterSource !== null) ours.push({ key: keys.deadLetterSource, value: encodeValue(deadLetterSource) });
  const given = message.sections.annotations ? mapEntries(sectionValue(message.sections.annotations)) : [];
  const kept = given.filter(({ key }) => {
    const name = keyText(key);
    return name !== scheduleName && !ours.some((one) => keyText(one.key) === name);
  });
  return section(0x72, encodeMap([...kept, ...ours]));
}

/** The SDK's lock renewal is keyed by message id and throws without one. */
function withMessageId(sections: MessageSections, messageId: string): MessageSections {
  const given = sections.properties ? listItems(sectionValue(sections.properties)) : [];
  const items = [encodeValue(types.wrap_string(messageId)), ...given.slice(1)];
  return { ...sections, properties: section(0x73, encodeList(items)) };
}
