import rhea from 'rhea';
import type { BrokerMessage, Lock } from '../broker/message.ts';
import type { Queue } from '../broker/queue.ts';
import { encodeForDelivery, incomingMessage } from './encode.ts';
import { tokenToUuid, uuidToToken } from './lock-token.ts';
import { newMessageId } from './producer.ts';
import type { Reply, Request } from './requests.ts';

const { types } = rhea;

type Body = Readonly<Record<string, unknown>>;
type Operation = (queue: Queue, body: Body, owner: string) => Reply;

const operations: Readonly<Record<string, Operation>> = {
  'com.microsoft:renew-lock': renewLock,
  'com.microsoft:peek-message': peek,
  'com.microsoft:schedule-message': schedule,
  'com.microsoft:cancel-scheduled-message': cancelScheduled,
  'com.microsoft:receive-by-sequence-number': receiveBySequenceNumber,
  'com.microsoft:update-disposition': updateDisposition,
};

/** Answers a request on `<queue>/$management`. */
export function answerManagement(queue: Queue, request: Request, owner: string): Reply {
  const operation = operations[String(request.applicationProperties.operation)];
  if (!operation) return failure(501, 'amqp:not-implemented', `operation ${request.applicationProperties.operation}`);
  return operation(queue, (request.body ?? {}) as Body, owner);
}

function renewLock(queue: Queue, body: Body): Reply {
  const expirations = asList(body['lock-tokens']).map((token) => queue.renew(uuidToToken(token as Buffer)));
  if (expirations.some((time) => time === null)) return lockLost();
  return success({ expirations: types.wrap_array(expirations, 0x83, undefined) });
}

function peek(queue: Queue, body: Body): Reply {
  const found = queue.peek(toNumber(body['from-sequence-number']), toNumber(body['message-count']));
  if (found.length === 0) return { applicationProperties: status(204, 'No messages') };
  return success({
    messages: types.wrap_list(found.map((message) => types.wrap_map({ message: encoded(message, null) }))),
  });
}

function schedule(queue: Queue, body: Body): Reply {
  const sequences = asList(body.messages).map((entry) => {
    const message = incomingMessage(Buffer.from((entry as { message: Buffer }).message), newMessageId);
    return queue.enqueue(message) ?? 0;
  });
  return success({ 'sequence-numbers': types.wrap_array(sequences, 0x81, undefined) });
}

function cancelScheduled(queue: Queue, body: Body): Reply {
  const cancelled = asList(body['sequence-numbers']).map((sequence) => queue.cancelScheduled(toNumber(sequence)));
  if (cancelled.every(Boolean)) return success({});
  return failure(404, 'com.microsoft:message-not-found', 'The scheduled message was not found.');
}

function receiveBySequenceNumber(queue: Queue, body: Body, owner: string): Reply {
  const sequences = asList(body['sequence-numbers']).map(toNumber);
  const locks = queue.takeDeferred(sequences, owner);
  if (locks.length < sequences.length) {
    for (const lock of locks) queue.release(lock.token);
    return failure(404, 'com.microsoft:message-not-found', 'A deferred message was not found.');
  }
  return success({ messages: types.wrap_list(locks.map(lockedEntry)) });
}

function updateDisposition(queue: Queue, body: Body): Reply {
  const changes = { ...(body['properties-to-modify'] as Body | undefined) };
  const reason = String(body['deadletter-reason'] ?? '');
  const description = String(body['deadletter-description'] ?? '');
  const settle: Readonly<Record<string, (token: string) => boolean>> = {
    completed: (token) => queue.complete(token),
    abandoned: (token) => queue.abandon(token, changes),
    defered: (token) => queue.defer(token, changes),
    suspended: (token) => queue.deadLetter(token, reason, description, changes),
  };
  const act = settle[String(body['disposition-status'])];
  if (!act) return failure(400, 'amqp:invalid-field', 'unknown disposition-status');
  const settled = asList(body['lock-tokens']).map((token) => act(uuidToToken(token as Buffer)));
  return settled.every(Boolean) ? success({}) : lockLost();
}

function lockedEntry(lock: Lock): unknown {
  return types.wrap_map({
    message: encoded(lock.message, lock.lockedUntil),
    'lock-token': types.wrap_uuid(tokenToUuid(lock.token)),
  });
}

function encoded(message: BrokerMessage, lockedUntil: number | null): unknown {
  return types.wrap_binary(encodeForDelivery(message, lockedUntil));
}

function lockLost(): Reply {
  return failure(410, 'com.microsoft:message-lock-lost', 'The lock supplied is invalid.');
}

function success(body: object): Reply {
  return { applicationProperties: status(200, 'OK'), body: types.wrap_map(body) };
}

function failure(code: number, condition: string, description: string): Reply {
  return {
    applicationProperties: { ...status(code, description), errorCondition: types.wrap_symbol(condition) },
    body: types.wrap_map({}),
  };
}

function status(code: number, description: string): Record<string, unknown> {
  return { statusCode: types.wrap_int(code), statusDescription: description };
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A long arrives as a number, or as 8 bytes when rhea could not make it one. */
function toNumber(value: unknown): number {
  return Buffer.isBuffer(value) ? Number(value.readBigInt64BE()) : Number(value);
}
