import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import type { RpcTypedData } from '../rpc-types.ts';

/** What a message without a time to live expires at: .NET's last instant. */
const neverExpires = '9999-12-31T23:59:59.999Z';
const lastInstant = Date.parse(neverExpires);

/**
 * The body as the host hands it to Node: bytes for a binding with `dataType: 'binary'`, else text, which the library parses
 * when it is JSON. The message must have been received with `skipParsingBodyAsJson`.
 */
export function toRpcBody(message: ServiceBusReceivedMessage, dataType: unknown): RpcTypedData {
  const { body } = message;
  const bytes = body instanceof Uint8Array ? body : null;
  if (dataType === 'binary') return { bytes: bytes ?? Buffer.from(textOf(body)) };
  return { string: bytes ? Buffer.from(bytes).toString('utf8') : textOf(body) };
}

export function toRpcBodies(messages: readonly ServiceBusReceivedMessage[], dataType: unknown): RpcTypedData {
  const bodies = messages.map((message) => toRpcBody(message, dataType));
  if (dataType === 'binary') return { collectionBytes: { bytes: bodies.flatMap((body) => body.bytes ?? []) } };
  return { collectionString: { string: bodies.map((body) => body.string ?? '') } };
}

/**
 * `context.triggerMetadata` of a single message, in the names of the extension; the library puts them into camel case. The
 * host says nothing about what a message does not have.
 */
export function toTriggerMetadata(message: ServiceBusReceivedMessage): Record<string, RpcTypedData> {
  const metadata = metadataOf(message);
  const data: Record<string, RpcTypedData> = {};
  for (const name in metadata) {
    const value = metadata[name];
    if (value !== null) data[name] = toTypedData(value);
  }
  for (const [second, first] of secondNames) {
    const value = data[first];
    if (value) data[second] = value;
  }
  return data;
}

/** The same for a batch: every name with `Array` appended, one entry per message. */
export function toBatchTriggerMetadata(messages: readonly ServiceBusReceivedMessage[]): Record<string, RpcTypedData> {
  const all = messages.map(metadataOf);
  const names = Object.keys(all[0] ?? {});
  const data = Object.fromEntries(
    names.map((name) => [`${name}Array`, { json: toJson(all.map((metadata) => metadata[name] ?? null)) }]),
  );
  for (const [second, first] of secondNames) data[`${second}Array`] = data[`${first}Array`] ?? { json: '[]' };
  return data;
}

/** What the extension tells under two names. */
const secondNames = [
  ['ExpiresAtUtc', 'ExpiresAt'],
  ['EnqueuedTimeUtc', 'EnqueuedTime'],
  ['Label', 'Subject'],
  ['UserProperties', 'ApplicationProperties'],
] as const;

function metadataOf(message: ServiceBusReceivedMessage): Record<string, unknown> {
  return {
    // The JavaScript SDK counts failed deliveries, .NET and so the host count this one too.
    DeliveryCount: (message.deliveryCount ?? 0) + 1,
    DeadLetterSource: message.deadLetterSource ?? null,
    LockToken: message.lockToken ?? null,
    ExpiresAt: expiryOf(message),
    EnqueuedTime: message.enqueuedTimeUtc?.toISOString() ?? null,
    MessageId: message.messageId ?? null,
    ContentType: message.contentType ?? null,
    ReplyTo: message.replyTo ?? null,
    To: message.to ?? null,
    SequenceNumber: message.sequenceNumber === undefined ? null : Number(message.sequenceNumber.toString()),
    Subject: message.subject ?? null,
    CorrelationId: message.correlationId ?? null,
    ApplicationProperties: message.applicationProperties ?? {},
    SessionId: message.sessionId ?? null,
    ReplyToSessionId: message.replyToSessionId ?? null,
    PartitionKey: message.partitionKey ?? null,
  };
}

function expiryOf(message: ServiceBusReceivedMessage): string {
  const time = message.expiresAtUtc?.getTime() ?? Number.NaN;
  return time <= lastInstant ? new Date(time).toISOString() : neverExpires;
}

function toTypedData(value: unknown): RpcTypedData {
  if (typeof value !== 'string') return { json: toJson(value) };
  return couldBeJson.test(value) ? { string: value } : { json: JSON.stringify(value) };
}

/**
 * The host sends texts as they are, and the library tries to read each as JSON. One that is none costs an exception;
 * sent as JSON it comes out the same, for a tenth of the time.
 */
const couldBeJson = /^\s*(?:[[{"]|(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*$)/;

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : toJson(body ?? null);
}

function toJson(value: unknown): string {
  // Called back for each value, it takes several times as long; for every message that counts.
  if (typeof value === 'number') return JSON.stringify(value);
  return JSON.stringify(value, (_key, entry: unknown) => (typeof entry === 'bigint' ? Number(entry) : entry));
}
