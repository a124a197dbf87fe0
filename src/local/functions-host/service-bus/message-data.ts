import type { ServiceBusReceivedMessage } from '@azure/service-bus';

/** What a message without a time to live expires at: .NET's last instant. */
const neverExpires = '9999-12-31T23:59:59.999Z';
const neverExpiresMs = Date.parse(neverExpires);

/**
 * The body as a function sees it: bytes for a binding with `dataType: 'binary'`, else what its text is as JSON, or the text
 * where it is none. The message must have been received with `skipParsingBodyAsJson`.
 */
export function bodyOf({ body }: ServiceBusReceivedMessage, dataType: unknown): unknown {
  if (dataType === 'binary') return Buffer.from(body instanceof Uint8Array ? body : textOf(body));
  return parsed(body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : textOf(body));
}

/** `context.triggerMetadata` of a single message. The host says nothing about what a message does not have. */
export function metadataOf(message: ServiceBusReceivedMessage): Record<string, unknown> {
  const facts: Record<string, unknown> = factsOf(message);
  const metadata: Record<string, unknown> = {};
  for (const name in facts) {
    const value = facts[name];
    // The host sends texts as they are, and the library reads each that is JSON.
    if (value === null || value === undefined) continue;
    metadata[name] = typeof value === 'string' ? inCamelCase(textRead(value)) : value;
  }
  return metadata;
}

/** The same for a batch: every name with `Array` appended, one entry per message, null where a message has none. */
export function batchMetadataOf(messages: readonly ServiceBusReceivedMessage[]): Record<string, unknown> {
  const all = messages.map((message): Record<string, unknown> => factsOf(message));
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(names.map((name) => [`${name}Array`, all.map((facts) => facts[name] ?? null)]));
}

/** In the names of the extension, spelt as the library shows them. */
function factsOf(message: ServiceBusReceivedMessage) {
  const enqueued = message.enqueuedTimeUtc?.toISOString();
  const expires = expiryOf(message);
  const properties = propertiesOf(message);
  return {
    // The JavaScript SDK counts failed deliveries, .NET and so the host count this one too.
    deliveryCount: (message.deliveryCount ?? 0) + 1,
    deadLetterSource: message.deadLetterSource,
    lockToken: message.lockToken,
    expiresAt: expires,
    expiresAtUtc: expires,
    enqueuedTime: enqueued,
    enqueuedTimeUtc: enqueued,
    messageId: message.messageId,
    contentType: message.contentType,
    replyTo: message.replyTo,
    to: message.to,
    sequenceNumber: message.sequenceNumber && Number(message.sequenceNumber.toString()),
    subject: message.subject,
    label: message.subject,
    correlationId: message.correlationId,
    applicationProperties: properties,
    userProperties: properties,
    sessionId: message.sessionId,
    replyToSessionId: message.replyToSessionId,
    partitionKey: message.partitionKey,
  };
}

function expiryOf(message: ServiceBusReceivedMessage): string {
  const time = message.expiresAtUtc?.getTime() ?? Number.NaN;
  return time < neverExpiresMs ? new Date(time).toISOString() : neverExpires;
}

function propertiesOf({ applicationProperties }: ServiceBusReceivedMessage): unknown {
  return applicationProperties === undefined ? {} : inCamelCase(JSON.parse(toJson(applicationProperties)));
}

/** The library does this to all trigger metadata. */
function inCamelCase(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inCamelCase);
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, member]) => [name.slice(0, 1).toLowerCase() + name.slice(1), inCamelCase(member)]),
  );
}

/** Trying to read a text that is no JSON costs an exception, ten times as much as seeing that it cannot be any. */
const couldBeJson = /^\s*(?:[[{"]|(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*$)/;

function textRead(text: string): unknown {
  return couldBeJson.test(text) ? parsed(text) : text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : toJson(body ?? null);
}

function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) => (typeof entry === 'bigint' ? Number(entry) : entry));
}
