import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ServiceBusClient, type ServiceBusMessage } from '@azure/service-bus';
import { silentLog } from '../../core/log.ts';
import { jobMessage } from '../../core/messages.ts';
import { openServiceBusQueue, type ServiceBusQueue } from '../../infrastructure/service-bus/queue.ts';
import { type ServiceBusEmulator, startServiceBusEmulator } from '../../src/local/service-bus/server.ts';
import { jobQueue, queueDefinitions, taskQueue } from '../../src/local/stack/queues.ts';
import { FaultyProxy } from '../tools/faulty-proxy.ts';

let emulator: ServiceBusEmulator;
let client: ServiceBusClient;
let queue: ServiceBusQueue;

const open = (connection: string, jobs = jobQueue, deadLetterLimitMs?: number) =>
  openServiceBusQueue({
    connection,
    jobQueue: jobs,
    taskQueue,
    log: silentLog,
    retryOptions: { maxRetries: 1, retryDelayInMs: 50 },
    ...(deadLetterLimitMs && { deadLetterLimitMs }),
  });

before(async () => {
  emulator = await startServiceBusEmulator({ queues: queueDefinitions() });
  client = new ServiceBusClient(emulator.connectionString);
  queue = open(emulator.connectionString);
});
after(async () => {
  await Promise.all([queue.close(), client.close()]);
  await emulator.close();
});
beforeEach(() => emulator.dropAllMessages());

let runs = 0;
/** A job message as another one never was. */
function fresh(): ServiceBusMessage {
  runs += 1;
  const { id, body } = jobMessage({ jobId: 'a'.repeat(64), run: runs, stage: 1 }, 'request-1');
  return { messageId: id, body, contentType: 'application/json', correlationId: 'request-1' };
}

/** Sends and dead-letters, in order. */
async function bury(messages: readonly ServiceBusMessage[]): Promise<void> {
  const sender = client.createSender(jobQueue);
  const receiver = client.createReceiver(jobQueue);
  for (const message of messages) await sender.sendMessages(message);
  for (let left = messages.length; left > 0; ) {
    const taken = await receiver.receiveMessages(left, { maxWaitTimeInMs: 5000 });
    assert.ok(taken.length > 0);
    for (const message of taken) {
      await receiver.deadLetterMessage(message, { deadLetterReason: 'ByHand', deadLetterErrorDescription: 'a test' });
    }
    left -= taken.length;
  }
  await Promise.all([sender.close(), receiver.close()]);
}

const counts = async () => {
  const { active, deadLetter } = await queue.counts('jobs');
  return { active, deadLetter };
};

async function takeAll(count: number) {
  const receiver = client.createReceiver(jobQueue, { receiveMode: 'receiveAndDelete' });
  const messages = await receiver.receiveMessages(count, { maxWaitTimeInMs: 5000 });
  await receiver.close();
  return messages;
}

describe('listing dead letters', () => {
  test('each with its reason, Service Bus’s reason and the beginning of its body', async () => {
    const valid = fresh();
    await bury([
      { body: Buffer.from('{"job_id": "aa'), messageId: 'truncated' },
      { body: Buffer.from([0xff, 0xfe, 0x00, 0x80]), messageId: 'binary' },
      { body: 'x'.repeat(200_000), messageId: 'large' },
      { body: { orderId: 1 }, messageId: 'foreign', contentType: 'application/vnd.orders+json' },
      { body: Buffer.from('{"__proto__": {"job_id": 1}}'), messageId: 'proto' },
      { body: Buffer.from(`{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`), messageId: 'deep' },
      { body: 7, messageId: 'number' },
      valid,
    ]);
    const { deadLetters, more } = await queue.deadLetters('jobs', { limit: 100 });
    assert.equal(more, false);
    assert.deepEqual(
      deadLetters.map(({ messageId, poison }) => [messageId, poison?.reason ?? null]),
      [
        ['truncated', 'unparsable'],
        ['binary', 'unparsable'],
        ['large', 'oversized'],
        ['foreign', 'foreign'],
        ['proto', 'foreign'],
        ['deep', 'oversized'],
        ['number', 'unparsable'],
        [valid.messageId, null],
      ],
    );
    for (const { deadLetterReason, deadLetterDescription, bodyStart } of deadLetters) {
      assert.deepEqual([deadLetterReason, deadLetterDescription], ['ByHand', 'a test']);
      assert.ok(bodyStart.length <= 500);
    }
    assert.equal(deadLetters[0]?.bodyStart, '{"job_id": "aa');
    assert.equal(deadLetters[2]?.bodyBytes, 200_002);
    assert.equal(deadLetters[3]?.contentType, 'application/vnd.orders+json');
    assert.ok(Math.abs(Date.now() - (deadLetters[7]?.enqueuedAt?.getTime() ?? 0)) < 60_000);
    assert.deepEqual(await counts(), { active: 0, deadLetter: 8 });
  });

  test('pages hold every one once; also behind messages that are gone, and behind the end', async () => {
    await bury(Array.from({ length: 60 }, (_, index) => ({ body: index, messageId: `m${index}` })));
    const seen: string[] = [];
    let after: string | undefined;
    for (let more = true; more; ) {
      const page = await queue.deadLetters('jobs', { limit: 7, ...(after && { after }) });
      seen.push(...page.deadLetters.map(({ messageId }) => messageId));
      after = page.deadLetters.at(-1)?.sequenceNumber;
      more = page.more;
      if (seen.length === 14) await queue.resubmit('jobs', { messageIds: ['m13', 'm14'] }, { force: true });
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 60 }, (_, index) => `m${index}`).filter((id) => id !== 'm14'),
    );
    const behind = await queue.deadLetters('jobs', { limit: 7, after: '9223372036854775806' });
    assert.deepEqual(behind, { deadLetters: [], more: false });
  });

  test('an empty queue has an empty page', async () => {
    assert.deepEqual(await queue.deadLetters('tasks', { limit: 10 }), { deadLetters: [], more: false });
    assert.deepEqual(await queue.deadLetters('tasks', { limit: 10, after: '5' }), { deadLetters: [], more: false });
  });
});

describe('resubmitting', () => {
  test('a copy under a new id, which duplicate detection lets through; the others stay', async () => {
    const [first, second, third] = [fresh(), fresh(), fresh()];
    await bury([first, second, { ...third, timeToLive: 3_600_000, subject: 's', applicationProperties: { a: 1 } }]);
    const report = await queue.resubmit('jobs', { messageIds: [String(third.messageId), 'no-such'] }, { force: false });
    assert.deepEqual(report.notFound, ['no-such']);
    assert.deepEqual(report.refused, []);
    assert.deepEqual([report.searched, report.more], [3, false]);
    const [moved] = report.moved;
    assert.equal(moved?.messageId, third.messageId);
    assert.deepEqual(await counts(), { active: 1, deadLetter: 2 });
    const [copy] = await takeAll(1);
    assert.equal(copy?.messageId, moved?.newMessageId);
    assert.notEqual(copy?.messageId, third.messageId);
    assert.deepEqual(copy?.body, third.body);
    assert.deepEqual([copy?.subject, copy?.correlationId, copy?.contentType], ['s', 'request-1', 'application/json']);
    assert.deepEqual(copy?.applicationProperties, { a: 1 });
    assert.equal(copy?.timeToLive, undefined);
  });

  test('poison stays unless it is forced; then every byte of it goes', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x7b]);
    const valid = fresh();
    await bury([{ body: bytes, messageId: 'bytes' }, valid]);
    const polite = await queue.resubmit('jobs', { all: true }, { force: false });
    assert.deepEqual(
      polite.refused.map(({ messageId, poison }) => [messageId, poison.reason]),
      [['bytes', 'unparsable']],
    );
    assert.equal(polite.moved.length, 1);
    assert.deepEqual(await counts(), { active: 1, deadLetter: 1 });
    await takeAll(1);
    const forced = await queue.resubmit('jobs', { all: true }, { force: true });
    assert.equal(forced.moved.length, 1);
    const [copy] = await takeAll(1);
    assert.deepEqual(Buffer.from(copy?.body), bytes);
    assert.deepEqual(await counts(), { active: 0, deadLetter: 0 });
  });

  test('by sequence number, where ids are equal', async () => {
    await bury([{ body: 1, messageId: 'one' }, fresh(), { body: 2, messageId: 'two' }]);
    const { deadLetters } = await queue.deadLetters('jobs', { limit: 10 });
    const numbers = [deadLetters[1]?.sequenceNumber ?? '', '123456'];
    const report = await queue.resubmit('jobs', { sequenceNumbers: numbers }, { force: false });
    assert.deepEqual(
      report.moved.map(({ sequenceNumber }) => sequenceNumber),
      [numbers[0]],
    );
    assert.deepEqual(report.notFound, ['123456']);
  });

  test('equal ids all go, each under an id of its own', async () => {
    const [definition] = queueDefinitions();
    assert.ok(definition);
    emulator.broker.create({ ...definition, name: 'no-detection', duplicateDetectionWindowMs: null });
    const plain = open(emulator.connectionString, 'no-detection');
    const sender = client.createSender('no-detection');
    const receiver = client.createReceiver('no-detection');
    await sender.sendMessages([fresh(), fresh()].map((message) => ({ ...message, messageId: 'same' })));
    for (const message of await receiver.receiveMessages(2)) await receiver.deadLetterMessage(message);
    const { moved } = await plain.resubmit('jobs', { messageIds: ['same'] }, { force: false });
    assert.equal(new Set(moved.map(({ newMessageId }) => newMessageId)).size, 2);
    assert.equal((await plain.counts('jobs')).active, 2);
    await Promise.all([sender.close(), receiver.close(), plain.close()]);
  });

  test('300 at once, by two callers at the same time: each copied once, none lost', async () => {
    await bury(Array.from({ length: 300 }, fresh));
    const all = () => queue.resubmit('jobs', { all: true }, { force: false });
    const [a, b] = await Promise.all([all(), all()]);
    const moved = [...a.moved, ...b.moved].map(({ messageId }) => messageId);
    assert.equal(new Set(moved).size, 300);
    assert.equal(moved.length, 300);
    assert.deepEqual(await counts(), { active: 300, deadLetter: 0 });
  });
});

describe('a broker that does not answer', () => {
  const unavailable = { code: 'QUEUE_UNAVAILABLE' };

  test('a hung one is given up in time, by every call', async (context) => {
    const proxy = await FaultyProxy.to(emulator.port);
    context.after(() => proxy.close());
    const through = open(emulator.connectionString.replace(String(emulator.port), String(proxy.port)), jobQueue, 2000);
    proxy.fault = { how: 'stall', afterBytes: 0 };
    const started = Date.now();
    await Promise.all([
      assert.rejects(through.counts('jobs'), unavailable),
      assert.rejects(through.deadLetters('jobs', { limit: 1 }), unavailable),
      assert.rejects(through.resubmit('jobs', { all: true }, { force: false }), unavailable),
    ]);
    assert.ok(Date.now() - started < 8000, `${Date.now() - started} ms`);
    proxy.cutAll();
    await through.close();
  });

  test('one that is gone, and a queue that is not there', async () => {
    const unknown = open(emulator.connectionString, 'no-such-queue');
    await assert.rejects(unknown.counts('jobs'), unavailable);
    await assert.rejects(unknown.deadLetters('jobs', { limit: 1 }), unavailable);
    await assert.rejects(unknown.resubmit('jobs', { all: true }, { force: false }), unavailable);
    await unknown.close();
    const own = await startServiceBusEmulator({ queues: queueDefinitions() });
    await own.close();
    const gone = open(own.connectionString);
    await assert.rejects(gone.deadLetters('jobs', { limit: 1 }), unavailable);
    await gone.close();
  });
});
