import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServiceBusClient } from '@azure/service-bus';
import { QueueInspector } from '../../infrastructure/service-bus/inspector.ts';
import { startServiceBusEmulator } from '../../src/local/service-bus/server.ts';
import { eventually } from '../tools/poll.ts';
import { lockMs, one, queueDefaults, quickRetries, receiveAll, setup } from './tools.ts';

for (const connectionLoss of ['release', 'hold'] as const) {
  test(`connections cut in the middle (${connectionLoss}): the subscriber comes back, every message is handled`, async (context) => {
    const t = await setup({ connectionLoss, queues: [{ ...queueDefaults, name: 'q', maxDeliveryCount: 20 }] });
    context.after(() => t.close());
    await t.client.createSender('q').sendMessages(Array.from({ length: 40 }, (_, n) => ({ body: n })));
    const done = new Set<number>();
    const receiver = t.client.createReceiver('q', { maxAutoLockRenewalDurationInMs: 0 });
    receiver.subscribe(
      {
        async processMessage({ body }) {
          done.add(body);
          if (done.size === 10) t.emulator.cutConnections();
        },
        processError: async () => {},
      },
      { maxConcurrentCalls: 4 },
    );
    await eventually(() => t.emulator.broker.find('q')?.counts().total === 0, { timeoutMs: 20_000 });
    assert.equal(done.size, 40);
  });
}

test('a restart with a journal: active, scheduled, deferred and dead messages are all there, a torn line is left out', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-journal-'));
  const journal = join(folder, 'service-bus.journal');
  const first = await setup({ journal });
  const sender = first.client.createSender('q');
  const receiver = first.client.createReceiver('q');
  await sender.sendMessages(['completed', 'dead', 'deferred', 'active', 'locked'].map((body) => ({ body })));
  await sender.scheduleMessages({ body: 'scheduled' }, new Date(Date.now() + 60_000));
  await receiver.completeMessage(await one(receiver));
  await receiver.deadLetterMessage(await one(receiver), { deadLetterReason: 'bad', deadLetterErrorDescription: '' });
  await receiver.deferMessage(await one(receiver));
  const before = first.emulator.broker.find('q')?.counts();
  await first.close();
  await appendFile(journal, '{"queue":"q","sequ');
  const second = await setup({ journal });
  context.after(async () => {
    await second.close();
    await rm(folder, { recursive: true, force: true });
  });
  assert.deepEqual(second.emulator.broker.find('q')?.counts(), before);
  const again = await receiveAll(second.client.createReceiver('q', { receiveMode: 'receiveAndDelete' }), 2);
  assert.deepEqual(
    again.map(({ body }) => body),
    ['active', 'locked'],
  );
  const dead = await one(second.client.createReceiver('q', { subQueueType: 'deadLetter' }));
  assert.deepEqual([dead.body, dead.deadLetterReason], ['dead', 'bad']);
});

test('an emulator that restarts on its port: the client goes on without being told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-journal-'));
  const options = { queues: [{ ...queueDefaults, name: 'q' }], journal: join(folder, 'journal') };
  const first = await startServiceBusEmulator(options);
  const client = new ServiceBusClient(first.connectionString, { retryOptions: { ...quickRetries, maxRetries: 20 } });
  try {
    const sender = client.createSender('q');
    await sender.sendMessages({ body: 'before' });
    await first.close();
    const second = await startServiceBusEmulator({ ...options, port: first.port });
    try {
      await sender.sendMessages({ body: 'after' });
      const received = await receiveAll(client.createReceiver('q', { receiveMode: 'receiveAndDelete' }), 2);
      assert.deepEqual(
        received.map(({ body }) => body),
        ['before', 'after'],
      );
    } finally {
      await client.close();
      await second.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('three receivers share a queue: no message twice, none forgotten', async (context) => {
  const t = await setup({ queues: [{ ...queueDefaults, name: 'q', lockDurationMs: 30_000 }] });
  context.after(() => t.close());
  await t.client.createSender('q').sendMessages(Array.from({ length: 600 }, (_, n) => ({ body: n })));
  const seen: number[][] = [[], [], []];
  const clients = seen.map((mine) => {
    const client = new ServiceBusClient(t.emulator.connectionString, { retryOptions: quickRetries });
    client
      .createReceiver('q', { maxAutoLockRenewalDurationInMs: 0 })
      .subscribe(
        { processMessage: async ({ body }) => void mine.push(body), processError: async () => {} },
        { maxConcurrentCalls: 8 },
      );
    return client;
  });
  await eventually(() => t.emulator.broker.find('q')?.counts().total === 0, { timeoutMs: 20_000 });
  for (const client of clients) await client.close();
  const all = seen.flat().sort((a, b) => a - b);
  assert.deepEqual(
    all,
    Array.from({ length: 600 }, (_, n) => n),
  );
  assert.ok(
    seen.every((mine) => mine.length > 0),
    `${seen.map((mine) => mine.length)}`,
  );
});

test('asking a nearly empty queue again and again is answered each time: drains are not lost', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  const [sender, receiver] = [
    t.client.createSender('q'),
    t.client.createReceiver('q', { receiveMode: 'receiveAndDelete' }),
  ];
  let received = 0;
  for (let round = 0; round < 60; round += 1) {
    if (round % 3 === 0) await sender.sendMessages({ body: round });
    received += (await receiver.receiveMessages(1, { maxWaitTimeInMs: 50 })).length;
  }
  received += (await receiveAll(receiver, 20 - received)).length;
  assert.equal(received, 20);
});

test('the administration counts active, scheduled and dead messages, over the same port', async (context) => {
  const t = await setup();
  context.after(() => t.close());
  const sender = t.client.createSender('q');
  await sender.sendMessages([{ body: 1 }, { body: 2 }]);
  await sender.scheduleMessages({ body: 3 }, new Date(Date.now() + 60_000));
  const receiver = t.client.createReceiver('q');
  await receiver.deadLetterMessage(await one(receiver), { deadLetterReason: 'x', deadLetterErrorDescription: '' });
  const counts = await new QueueInspector(t.emulator.connectionString).counts('q');
  assert.deepEqual(counts, { active: 1, scheduled: 1, deadLetter: 1, sizeBytes: 0, total: 3 });
});

test(`a client that dies holding a lock: released on the connection's end`, async (context) => {
  const t = await setup({
    connectionLoss: 'release',
    queues: [{ ...queueDefaults, name: 'q', lockDurationMs: 60_000 }],
  });
  context.after(() => t.close());
  await t.client.createSender('q').sendMessages({ body: 'x' });
  const doomed = new ServiceBusClient(t.emulator.connectionString, { retryOptions: quickRetries });
  await one(doomed.createReceiver('q', { maxAutoLockRenewalDurationInMs: 0 }));
  const started = Date.now();
  await doomed.close();
  const again = await one(t.client.createReceiver('q'));
  assert.equal(again.body, 'x');
  assert.ok(Date.now() - started < lockMs * 10);
});
