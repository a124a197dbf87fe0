import rhea from 'rhea';
import type { BrokerMessage, IncomingMessage, MessageSections, PropertyChanges } from '../broker/message.ts';
import { encodeValue } from './rhea-internals.ts';
import { section, sectionValue, walkMessage } from './sections.ts';
import { encodeList, encodeMap, keyText, listItems, mapEntries } from './values.ts';

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
  const fields = [true, null, ttl === null ? null : types.wrap_uint(ttl), null, types.wrap_uint(message.deliveryCount)];
  return section(0x70, encodeValue(types.wrap_list(fields)));
}

function encodeAnnotations(message: BrokerMessage, lockedUntil: number | null): Buffer {
  const ours: Record<string, unknown> = {
    'x-opt-sequence-number': types.wrap_long(message.sequence),
    'x-opt-enqueue-sequence-number': types.wrap_long(message.sequence),
    'x-opt-enqueued-time': types.wrap_timestamp(message.enqueuedAt),
    'x-opt-message-state': types.wrap_int({ active: 0, deferred: 1, scheduled: 2 }[message.state]),
  };
  if (lockedUntil !== null) ours['x-opt-locked-until'] = types.wrap_timestamp(lockedUntil);
  if (message.scheduledAt !== null) ours['x-opt-scheduled-enqueue-time'] = types.wrap_timestamp(message.scheduledAt);
  if (message.deadLetterSource !== null) ours['x-opt-deadletter-source'] = types.wrap_string(message.deadLetterSource);
  const given = message.sections.annotations ? mapEntries(sectionValue(message.sections.annotations)) : [];
  const kept = given.filter(({ key }) => {
    const name = keyText(key) ?? '';
    return !(name in ours) && name !== 'x-opt-scheduled-enqueue-time';
  });
  const added = Object.entries(ours).map(([name, value]) => ({
    key: encodeValue(types.wrap_symbol(name)),
    value: encodeValue(value),
  }));
  return section(0x72, encodeMap([...kept, ...added]));
}

/** The SDK's lock renewal is keyed by message id and throws without one. */
function withMessageId(sections: MessageSections, messageId: string): MessageSections {
  const given = sections.properties ? listItems(sectionValue(sections.properties)) : [];
  const items = [encodeValue(types.wrap_string(messageId)), ...given.slice(1)];
  return { ...sections, properties: section(0x73, encodeList(items)) };
}
