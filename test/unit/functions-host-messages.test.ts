import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InvocationContext } from '@azure/functions';
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import type { RegisteredFunction } from '../../src/local/functions-host/functions-core.ts';
import { loadFunctions } from '../../src/local/functions-host/load-functions.ts';
import { RunningInvocations } from '../../src/local/functions-host/running-invocations.ts';
import { type QueueFunction, runQueueFunction } from '../../src/local/functions-host/service-bus/queue-function.ts';

interface Seen {
  readonly input: unknown;
  readonly metadata: Record<string, unknown>;
  readonly traceParent: string | undefined;
}

let seen: Seen[] = [];
const { functions } = await loadFunctions(async () => {
  const { app } = await import('@azure/functions');
  app.serviceBusQueue('work', {
    connection: 'BUS',
    queueName: 'q',
    handler(input: unknown, { triggerMetadata = {}, traceContext }: InvocationContext) {
      seen.push({ input, metadata: triggerMetadata, traceParent: traceContext?.traceParent });
    },
  });
});
const [registered] = functions as readonly [RegisteredFunction];

async function called(
  messages: readonly ServiceBusReceivedMessage[],
  options: Partial<QueueFunction> = {},
): Promise<Seen> {
  seen = [];
  const base = {
    functionName: 'work',
    registered,
    triggerName: Object.keys(registered.metadata.bindings)[0] ?? '',
    cardinality: 'one',
    autoComplete: true,
    invocations: { log: () => undefined, running: new RunningInvocations(null) },
  } as unknown as QueueFunction;
  assert.equal(await runQueueFunction({ ...base, ...options }, messages), 'complete');
  const [call] = seen;
  assert.ok(call);
  return call;
}

const time = new Date('2026-01-02T03:04:05.678Z');
const message = {
  body: Buffer.from('{"number": 1, "nested": {"A": [1]}}'),
  deliveryCount: 2,
  lockToken: '2fd4e1c6-7a2d-48fc-ad84-9eb93e120000',
  enqueuedTimeUtc: time,
  expiresAtUtc: new Date(time.getTime() + 1000),
  messageId: '17',
  contentType: 'application/json',
  correlationId: '{"Looks": {"Like": "JSON"}}',
  subject: 'a subject',
  sequenceNumber: { toString: () => '123' },
  applicationProperties: { Capital: true, when: time, Nested: { Deep: ['x', { Deeper: 1 }] } },
} as unknown as ServiceBusReceivedMessage;

test('a function sees of a message what it has, in camel case, and nothing of what it does not have', async () => {
  const { input, metadata, traceParent } = await called([message]);
  const properties = { capital: true, when: time.toISOString(), nested: { deep: ['x', { deeper: 1 }] } };
  assert.deepEqual(input, { number: 1, nested: { A: [1] } });
  assert.deepEqual(metadata, {
    deliveryCount: 3,
    lockToken: '2fd4e1c6-7a2d-48fc-ad84-9eb93e120000',
    expiresAt: '2026-01-02T03:04:06.678Z',
    expiresAtUtc: '2026-01-02T03:04:06.678Z',
    enqueuedTime: time.toISOString(),
    enqueuedTimeUtc: time.toISOString(),
    messageId: 17,
    contentType: 'application/json',
    sequenceNumber: 123,
    subject: 'a subject',
    label: 'a subject',
    correlationId: { looks: { like: 'JSON' } },
    applicationProperties: properties,
    userProperties: properties,
  });
  assert.match(traceParent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
});

test('the trace of the sender goes on', async () => {
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traced = { ...message, applicationProperties: { 'Diagnostic-Id': parent } };
  assert.equal((await called([traced])).traceParent, parent);
});

test('bodies of every kind: JSON where the text is some, else the text; bytes where they are asked for', async () => {
  const kinds: readonly [text: string, input: unknown][] = [
    ['', ''],
    ['text', 'text'],
    ['5', 5],
    ['"quoted"', 'quoted'],
    ['{"open": ', '{"open": '],
    ['[1, 2]', [1, 2]],
    [' true ', true],
  ];
  for (const [text, input] of kinds)
    assert.deepEqual((await called([{ ...message, body: Buffer.from(text) }])).input, input, text);
  const binary = { ...message, body: new Uint8Array([1, 255]) };
  assert.deepEqual(
    Buffer.from((await called([binary], { dataType: 'binary' })).input as Uint8Array),
    Buffer.from([1, 255]),
  );
});

test('a batch has an array for every name, with null where a message has nothing', async () => {
  const { subject: _subject, messageId: _messageId, ...bare } = message;
  const { input, metadata } = await called([bare, message], { cardinality: 'many' });
  assert.equal((input as unknown[]).length, 2);
  assert.deepEqual(metadata.subjectArray, [null, 'a subject']);
  assert.deepEqual(metadata.messageIdArray, [null, '17']);
  assert.deepEqual(metadata.sessionIdArray, [null, null]);
});
