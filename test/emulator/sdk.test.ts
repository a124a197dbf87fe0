import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceBusClient, ServiceBusError } from '@azure/service-bus';
import { eventually } from '../tools/poll.ts';
import { lockMs, one, queueDefaults, quickRetries, receiveAll, setup } from './tools.ts';

const isLockLost = (error: unknown) => error instanceof ServiceBusError && error.code === 'MessageLockLost';

test('bodies and properties come through as they were sent', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  const sender = t.client.createSender('q');
  const receiver = t.client.createReceiver('q');
  const bodies = [{ a: 1, b: [1.5, 'x', null] }, 'text', 7, null, Buffer.from([0, 1, 255]), 'x'.repeat(200_000)];
  for (const body of bodies) {
    const applicationProperties = { int: 7, text: 'ä', flag: true };
    const message = {
      body,
      messageId: `m-${typeof body}`,
      correlationId: 'c',
      contentType: 't',
      subject: 's',
      applicationProperties,
    };
    await sender.sendMessages(message);
    const received = await one(receiver);
    assert.deepEqual(received.body, body);
    assert.deepEqual({ ...received.applicationProperties }, applicationProperties);
    const { messageId, correlationId, contentType, subject, deliveryCount } = received;
    assert.deepEqual(
      [messageId, correlationId, contentType, subject, deliveryCount],
      [message.messageId, 'c', 't', 's', 0],
    );
    assert.ok(received.lockedUntilUtc && received.lockedUntilUtc.getTime() > Date.now());
    await receiver.completeMessage(received);
  }
  assert.equal(t.emulator.broker.find('q')?.counts().total, 0);
});

test('batches: a batch object, an array, an array of one; a message that is too large is refused', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  const sender = t.client.createSender('q');
  const batch = await sender.createMessageBatch();
  for (let n = 0; n < 100; n += 1) assert.ok(batch.tryAddMessage({ body: { n } }));
  await sender.sendMessages(batch);
  await sender.sendMessages([{ body: { n: 100 } }, { body: { n: 101 } }]);
  await sender.sendMessages([{ body: { n: 102 } }]);
  const receiver = t.client.createReceiver('q', { receiveMode: 'receiveAndDelete' });
  const received = await receiveAll(receiver, 103);
  assert.deepEqual(
    received.map(({ body }) => body.n),
    Array.from({ length: 103 }, (_, n) => n),
  );
  await assert.rejects(sender.sendMessages({ body: 'x'.repeat(1_200_000) }), { code: 'MessageSizeExceeded' });
});

test('scheduled messages come when they are due, and can be cancelled', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  const sender = t.client.createSender('q');
  const receiver = t.client.createReceiver('q', { receiveMode: 'receiveAndDelete' });
  const due = new Date(Date.now() + 1000);
  const [first, second] = await sender.scheduleMessages([{ body: 'a' }, { body: 'b' }], due);
  assert.ok(first && second);
  await sender.cancelScheduledMessages(second);
  await sender.sendMessages({ body: 'c', scheduledEnqueueTimeUtc: due });
  await sender.sendMessages({ body: 'now' });
  assert.deepEqual(t.emulator.broker.find('q')?.counts().scheduled, 2);
  assert.equal((await one(receiver)).body, 'now');
  const later = await receiveAll(receiver, 2);
  assert.ok(Date.now() >= due.getTime());
  assert.deepEqual(later.map(({ body }) => body).sort(), ['a', 'c']);
});

test('complete, abandon with properties, defer, dead-letter with reason', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  const sender = t.client.createSender('q');
  const receiver = t.client.createReceiver('q');
  await sender.sendMessages({ body: 'x', applicationProperties: { kept: 1 } });
  await receiver.abandonMessage(await one(receiver), { tried: 'once' });
  const again = await one(receiver);
  assert.equal(again.deliveryCount, 1);
  assert.deepEqual({ ...again.applicationProperties }, { kept: 1, tried: 'once' });
  await receiver.deferMessage(again);
  assert.ok(again.sequenceNumber);
  const [deferred] = await receiver.receiveDeferredMessages(again.sequenceNumber);
  assert.ok(deferred);
  await receiver.renewMessageLock(deferred);
  await receiver.deadLetterMessage(deferred, {
    deadLetterReason: 'bad',
    deadLetterErrorDescription: 'very bad',
    mark: 7,
  });
  const dead = await one(t.client.createReceiver('q', { subQueueType: 'deadLetter', receiveMode: 'receiveAndDelete' }));
  assert.deepEqual(
    [dead.deadLetterReason, dead.deadLetterErrorDescription, dead.deadLetterSource],
    ['bad', 'very bad', 'q'],
  );
  assert.equal(dead.applicationProperties?.mark, 7);
});

test('a lock that runs out: delivered again with a new token, settling late fails, the count rises', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  await t.client.createSender('q').sendMessages({ body: 'x' });
  const receiver = t.client.createReceiver('q', { maxAutoLockRenewalDurationInMs: 0 });
  const late = await one(receiver);
  const again = await one(receiver, lockMs + 3000);
  assert.notEqual(again.lockToken, late.lockToken);
  assert.equal(again.deliveryCount, 1);
  await assert.rejects(receiver.completeMessage(late), isLockLost);
  await receiver.completeMessage(again);
});

test('a renewed lock is held; the SDK renews by itself', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  await t.client.createSender('q').sendMessages([
    { body: 'a', messageId: 'a' },
    { body: 'b', messageId: 'b' },
  ]);
  const own = t.client.createReceiver('q', { maxAutoLockRenewalDurationInMs: 0 });
  const automatic = t.client.createReceiver('q', { maxAutoLockRenewalDurationInMs: 60_000 });
  const [mine, theirs] = [await one(own), await one(automatic)];
  const until = Date.now() + 2.5 * lockMs;
  while (Date.now() < until) {
    await own.renewMessageLock(mine);
    await new Promise((resolve) => setTimeout(resolve, lockMs / 3));
  }
  await own.completeMessage(mine);
  await automatic.completeMessage(theirs);
  assert.equal(t.emulator.broker.find('q')?.counts().total, 0);
});

test('a message that fails maxDeliveryCount times is dead-lettered', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  await t.client.createSender('q').sendMessages({ body: 'poison' });
  const receiver = t.client.createReceiver('q');
  for (let attempt = 0; attempt < 3; attempt += 1) await receiver.abandonMessage(await one(receiver));
  const dead = await one(t.client.createReceiver('q', { subQueueType: 'deadLetter' }));
  assert.equal(dead.deadLetterReason, 'MaxDeliveryCountExceeded');
  assert.equal(dead.body, 'poison');
});

test('duplicate detection: equal ids within the window are stored once', async (context) => {
  const t = await setup({ queues: [{ ...queueDefaults, name: 'q', duplicateDetectionWindowMs: 60_000 }] });
  context.after(() => t.close());
  const sender = t.client.createSender('q');
  for (let copy = 0; copy < 3; copy += 1) await sender.sendMessages({ body: copy, messageId: 'same' });
  await sender.sendMessages({ body: 'other', messageId: 'other' });
  const received = await receiveAll(t.client.createReceiver('q', { receiveMode: 'receiveAndDelete' }), 2);
  assert.deepEqual(
    received.map(({ body }) => body),
    [0, 'other'],
  );
});

test('peek shows messages in every state and takes none', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  const sender = t.client.createSender('q');
  await sender.sendMessages([{ body: 'locked' }, { body: 'ready' }]);
  await sender.scheduleMessages({ body: 'later' }, new Date(Date.now() + 60_000));
  const receiver = t.client.createReceiver('q');
  await one(receiver);
  const peeked = await receiver.peekMessages(10);
  assert.deepEqual(
    peeked.map(({ body, state }) => [body, state]),
    [
      ['locked', 'active'],
      ['ready', 'active'],
      ['later', 'scheduled'],
    ],
  );
});

test('5,000 messages through one receiver: each exactly once, past rhea’s ring of 2,048 slots', async (context) => {
  const t = await setup({ queues: [{ ...queueDefaults, name: 'q', lockDurationMs: 30_000 }] });
  context.after(() => t.close());
  const sender = t.client.createSender('q');
  for (let start = 0; start < 5000; start += 500) {
    await sender.sendMessages(Array.from({ length: 500 }, (_, n) => ({ body: { n: start + n } })));
  }
  const seen = new Map<number, number>();
  let [running, most] = [0, 0];
  const receiver = t.client.createReceiver('q', { maxAutoLockRenewalDurationInMs: 0 });
  const subscription = receiver.subscribe(
    {
      processMessage: async ({ body }) => {
        running += 1;
        most = Math.max(most, running);
        seen.set(body.n, (seen.get(body.n) ?? 0) + 1);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      },
      processError: async ({ error }) => {
        throw error;
      },
    },
    { maxConcurrentCalls: 64 },
  );
  await eventually(() => t.emulator.broker.find('q')?.counts().total === 0, { timeoutMs: 30_000 });
  await subscription.close();
  assert.equal(seen.size, 5000);
  assert.ok([...seen.values()].every((count) => count === 1));
  assert.ok(most <= 64);
});

test('different settlements side by side: each message ends as it was told', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  await t.client.createSender('q').sendMessages(Array.from({ length: 60 }, (_, n) => ({ body: n })));
  const receiver = t.client.createReceiver('q', { maxAutoLockRenewalDurationInMs: 0 });
  const received = await receiveAll(receiver, 60);
  // One kind of outcome a turn on the client too: the SDK's own rhea merges neighbours.
  for (const message of received) {
    if (message.body % 3 === 0)
      await receiver.deadLetterMessage(message, { deadLetterReason: 'third', deadLetterErrorDescription: '' });
    else await receiver.completeMessage(message);
  }
  assert.deepEqual(t.emulator.broker.find('q')?.counts(), { active: 0, deadLettered: 20, scheduled: 0, total: 0 });
});

test('an unknown queue and a wrong key are told apart', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  await assert.rejects(t.client.createSender('nothing').sendMessages({ body: 1 }), { code: 'MessagingEntityNotFound' });
  const wrong = new ServiceBusClient(t.emulator.connectionString.replace('SAS_KEY_VALUE', 'WRONG'), {
    retryOptions: { ...quickRetries, maxRetries: 0 },
  });
  await assert.rejects(wrong.createSender('q').sendMessages({ body: 1 }), { code: 'UnauthorizedAccess' });
  await wrong.close();
});
