import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { door, queueCalls, running } from '../fixtures/functions/calls.ts';
import type { Task } from '../fixtures/functions/queues.ts';
import { eventually } from '../tools/poll.ts';
import { type QueueHost, startQueueHost } from '../tools/queue-host.ts';

let t: QueueHost;
before(async () => {
  t = await startQueueHost();
});
after(() => t.close());
beforeEach(() => {
  queueCalls.length = 0;
  running.clear();
});

const callsOf = (functionName: string) => queueCalls.filter((call) => call.functionName === functionName);
const deliveries = (functionName: string) => callsOf(functionName).map(({ metadata }) => metadata.deliveryCount);

test('bodies: JSON is parsed, other text is text', async () => {
  await t.send('work', [
    { body: { number: 1, nested: { a: [1, 2] } }, contentType: 'application/json' },
    { body: Buffer.from('{"number": 2}') },
    { body: Buffer.from('not {json') },
    { body: 'text' },
    { body: 5 },
  ]);
  await eventually(() => callsOf('work').length === 5 && t.total('work') === 0);
  assert.deepEqual(
    callsOf('work').map(({ body }) => body),
    [{ number: 1, nested: { a: [1, 2] } }, { number: 2 }, 'not {json', 'text', 5],
  );
});

test('triggerMetadata has the names and values of the extension', async () => {
  await t.send('work', [
    {
      body: {},
      messageId: 'message-a',
      correlationId: 'correlation-b',
      subject: 'subject-c',
      contentType: 'application/json',
      to: 'to-d',
      replyTo: 'reply-e',
      timeToLive: 3_600_000,
      applicationProperties: { jobId: 'j', attempt: 2, Capital: true },
    },
  ]);
  const { metadata } = await eventually(() => callsOf('work')[0]);
  const { lockToken, sequenceNumber, enqueuedTimeUtc, enqueuedTime, expiresAtUtc, expiresAt, ...rest } = metadata;
  assert.match(String(lockToken), /^[0-9a-f-]{36}$/);
  assert.equal(typeof sequenceNumber, 'number');
  assert.equal(enqueuedTime, enqueuedTimeUtc);
  assert.equal(expiresAt, expiresAtUtc);
  assert.equal(Date.parse(String(expiresAt)) - Date.parse(String(enqueuedTime)), 3_600_000);
  const properties = { jobId: 'j', attempt: 2, capital: true };
  assert.deepEqual(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)), {
    deliveryCount: 1,
    messageId: 'message-a',
    correlationId: 'correlation-b',
    subject: 'subject-c',
    label: 'subject-c',
    contentType: 'application/json',
    to: 'to-d',
    replyTo: 'reply-e',
    applicationProperties: properties,
    userProperties: properties,
  });
  await eventually(() => t.total('work') === 0);
});

test('a function that fails gets its message again at once, until it is dead-lettered', async () => {
  await t.send('work', [{ body: { fail: 'always' }, messageId: 'poison' }]);
  const receiver = t.client.createReceiver('work', { subQueueType: 'deadLetter' });
  const [dead] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
  assert.deepEqual(deliveries('work'), [1, 2, 3, 4, 5]);
  assert.equal(dead?.messageId, 'poison');
  assert.equal(dead?.deadLetterReason, 'MaxDeliveryCountExceeded');
  assert.ok(t.lines.some(({ level, message }) => level === 'error' && message.includes('failing always')));
  if (dead) await receiver.completeMessage(dead);
  await receiver.close();
});

test('never more than maxConcurrentCalls at once', async () => {
  const numbers = Array.from({ length: 40 }, (_, number) => number);
  await t.send(
    'work',
    numbers.map((number) => ({ body: { number, door: 'all at once' } })),
  );
  await eventually(() => running.get('work')?.now === 4);
  door('all at once').resolve();
  await eventually(() => callsOf('work').length === 40 && t.total('work') === 0);
  assert.equal(running.get('work')?.most, 4);
});

test('outcomes that come at the same instant keep apart: every failure is seen, nothing is lost', async () => {
  await t.restart({ maxConcurrentCalls: 16 });
  // The first is the pattern that rhea, left alone, sends as sixteen completions.
  const patterns: ((index: number) => boolean)[] = [
    (index) => index > 0,
    (index) => index === 0,
    (index) => index % 2 === 1,
    (index) => index % 3 === 0,
    () => true,
  ];
  for (const [round, fails] of patterns.entries()) {
    queueCalls.length = 0;
    const tasks = Array.from(
      { length: 16 },
      (_, number): Task => ({ number, door: `round ${round}`, ...(fails(number) && { fail: 'first' }) }),
    );
    await t.send(
      'work',
      tasks.map((body) => ({ body })),
    );
    await eventually(() => running.get('work')?.now === 16);
    door(`round ${round}`).resolve();
    await eventually(() => t.total('work') === 0);
    for (const { number = -1 } of tasks) {
      const counts = callsOf('work').filter(({ body }) => (body as Task).number === number);
      const expected = fails(number) ? [1, 2] : [1];
      assert.deepEqual(
        counts.map(({ metadata }) => metadata.deliveryCount),
        expected,
        `round ${round}, message ${number}`,
      );
    }
  }
});

test('a batch function gets arrays, one batch at a time; all are completed', async () => {
  await t.send(
    'batch',
    [1, 2, 3].map((number) => ({ body: { number }, messageId: `b${number}`, subject: 's' })),
  );
  await eventually(() => t.total('batch') === 0);
  const calls = callsOf('batch');
  assert.deepEqual(
    calls.flatMap(({ body }) => body),
    [{ number: 1 }, { number: 2 }, { number: 3 }],
  );
  assert.equal(running.get('batch')?.most, 1);
  assert.deepEqual(
    calls.flatMap(({ metadata }) => metadata.messageIdArray),
    ['b1', 'b2', 'b3'],
  );
  assert.deepEqual(
    calls.flatMap(({ metadata }) => metadata.deliveryCountArray),
    [1, 1, 1],
  );
  assert.deepEqual(new Set(calls.flatMap(({ metadata }) => metadata.subjectArray)), new Set(['s']));
  assert.equal(calls[0]?.metadata.messageId, undefined);
});

test('a batch that fails is abandoned as a whole', async () => {
  await t.send('batch', [{ body: { number: 1 } }, { body: { number: 2, fail: 'first' } }]);
  await eventually(() => t.total('batch') === 0);
  const counts = callsOf('batch').flatMap(({ body, metadata }) =>
    (body as readonly Task[]).map(({ number }, index) => [number, (metadata.deliveryCountArray as number[])[index]]),
  );
  assert.deepEqual(
    counts.filter(([number]) => number === 2),
    [
      [2, 1],
      [2, 2],
    ],
  );
});

test('with autoCompleteMessages false a success settles nothing, and a failure is abandoned all the same', async () => {
  await t.send('manual', [{ body: { number: 1 } }]);
  await eventually(() => callsOf('manual').length === 1);
  assert.equal(t.total('manual'), 1);
  await eventually(() => callsOf('manual').length >= 2);
  assert.deepEqual(deliveries('manual').slice(0, 2), [1, 2]);
  t.emulator.dropAllMessages();
  queueCalls.length = 0;
  await t.send('manual', [{ body: { fail: 'first' } }]);
  const begun = Date.now();
  await eventually(() => deliveries('manual').join().startsWith('1,2'));
  assert.ok(Date.now() - begun < 1400, 'it did not have to wait for its lock');
  t.emulator.dropAllMessages();
});
