import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InvocationContext } from '@azure/functions';
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import type { RegisteredFunction } from '../../src/local/functions-host/functions-core.ts';
import { coreContext, runInvocation } from '../../src/local/functions-host/invoke.ts';
import { loadFunctions } from '../../src/local/functions-host/load-functions.ts';
import type { HostLogEntry } from '../../src/local/functions-host/log.ts';
import type { RpcTypedData } from '../../src/local/functions-host/rpc-types.ts';
import { RunningInvocations } from '../../src/local/functions-host/running-invocations.ts';
import { batchMetadataOf, bodyOf, metadataOf } from '../../src/local/functions-host/service-bus/message-data.ts';
import { MessageModel } from '../../src/local/functions-host/service-bus/message-model.ts';

interface Seen {
  readonly inputs: readonly unknown[];
  readonly context: Record<string, unknown>;
}

let seen: Seen[] = [];
let late: InvocationContext[] = [];
const lines: HostLogEntry[] = [];

const { functions, model } = await loadFunctions(async () => {
  const { app } = await import('@azure/functions');
  app.serviceBusQueue('compared', {
    connection: 'BUS',
    queueName: 'q',
    handler(...given: unknown[]) {
      const context = given.at(-1) as InvocationContext;
      context.extraOutputs.set('left', 1);
      context.extraInputs.set('left', { by: 'hook' });
      late.push(context);
      for (const level of ['log', 'trace', 'debug', 'info', 'warn', 'error'] as const) context[level]('a', { b: 1 });
      const { invocationId, functionName, triggerMetadata, traceContext, options, retryContext } = context;
      const extras = [context.extraInputs.get('left'), context.extraOutputs.get('left' as never)];
      const plain = { invocationId, functionName, triggerMetadata, traceContext, options, retryContext, extras };
      seen.push({ inputs: given.slice(0, -1), context: JSON.parse(JSON.stringify(plain)) });
    },
  });
});
const [registered] = functions as readonly [RegisteredFunction];
const [triggerName = ''] = Object.keys(registered.metadata.bindings);
const host = { log: (entry: HostLogEntry) => void lines.push(entry), running: new RunningInvocations(null) };

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

/** As the host of Azure hands the same message to the library: texts as text, all else as JSON, what is null not at all. */
const sent: Record<string, RpcTypedData> = {
  DeliveryCount: { json: '3' },
  LockToken: { string: '2fd4e1c6-7a2d-48fc-ad84-9eb93e120000' },
  ExpiresAt: { json: '"2026-01-02T03:04:06.678Z"' },
  ExpiresAtUtc: { json: '"2026-01-02T03:04:06.678Z"' },
  EnqueuedTime: { json: '"2026-01-02T03:04:05.678Z"' },
  EnqueuedTimeUtc: { json: '"2026-01-02T03:04:05.678Z"' },
  MessageId: { string: '17' },
  ContentType: { string: 'application/json' },
  SequenceNumber: { json: '123' },
  Subject: { string: 'a subject' },
  Label: { string: 'a subject' },
  CorrelationId: { string: '{"Looks": {"Like": "JSON"}}' },
  ApplicationProperties: { json: JSON.stringify(message.applicationProperties) },
  UserProperties: { json: JSON.stringify(message.applicationProperties) },
};

async function byLibrary(data: RpcTypedData, triggerMetadata: Record<string, RpcTypedData>): Promise<Seen | undefined> {
  seen = [];
  const inputData = [{ name: triggerName, data }];
  const core = coreContext(host.log, registered.metadata, 'id', { inputData, triggerMetadata, traceParent: 'parent' });
  await runInvocation(host, core, registered.callback, (given) => model.getInvocationModel(given));
  return seen[0];
}

async function byUs(body: unknown, metadata: Record<string, unknown>): Promise<Seen | undefined> {
  seen = [];
  const core = coreContext(host.log, registered.metadata, 'id', { inputData: [], traceParent: 'parent' });
  await runInvocation(host, core, registered.callback, () => new MessageModel(core, { body, metadata }));
  return seen[0];
}

test('a function sees of a message what the library would show it', async () => {
  const expected = await byLibrary({ string: message.body.toString() }, sent);
  assert.deepEqual(await byUs(bodyOf(message, undefined), metadataOf(message)), expected);
  assert.equal(expected?.context.triggerMetadata && Object.keys(expected.context.triggerMetadata).length, 14);
});

test('bodies of every kind are what the library makes of them', async () => {
  for (const text of ['', 'text', '5', '"quoted"', 'null', '{"open": ', '[1, 2]', ' true ']) {
    const one = { ...message, body: Buffer.from(text) };
    const expected = await byLibrary({ string: text }, {});
    assert.deepEqual((await byUs(bodyOf(one, undefined), {}))?.inputs, expected?.inputs, text);
  }
  const bytes = await byLibrary({ bytes: new Uint8Array([1, 255]) }, {});
  const binary = { ...message, body: new Uint8Array([1, 255]) };
  assert.deepEqual((await byUs(bodyOf(binary, 'binary'), {}))?.inputs, bytes?.inputs);
});

test('a batch has an array for every name, with null where a message has nothing', async () => {
  const { subject: _subject, messageId: _messageId, ...bare } = message;
  const metadata = batchMetadataOf([bare, message]);
  assert.deepEqual(metadata.subjectArray, [null, 'a subject']);
  assert.deepEqual(metadata.messageIdArray, [null, '17']);
  assert.deepEqual(metadata.sessionIdArray, [null, null]);
});

test('logs carry the levels of the library, and one after the end is told of', async () => {
  const written = async (run: () => Promise<unknown>) => {
    lines.length = 0;
    late = [];
    await run();
    late[0]?.info('too late');
    return lines.filter(({ category }) => category !== 'host').map(({ level, category }) => `${level} ${category}`);
  };
  const expected = await written(() => byLibrary({ string: '1' }, {}));
  assert.deepEqual(await written(() => byUs(1, {})), expected);
  assert.deepEqual(expected.slice(-2), ['warning system', 'information user']);
});
