import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { door, queueCalls, running } from '../fixtures/functions/calls.ts';
import { eventually } from '../tools/poll.ts';
import { type QueueHost, startQueueHost } from '../tools/queue-host.ts';

let t: QueueHost;
before(async () => {
  t = await startQueueHost();
});
after(async () => {
  for (const name of ['forever', 'over time', 'never opened']) door(name).resolve();
  await t.close();
});
beforeEach(() => {
  queueCalls.length = 0;
  running.clear();
  t.lines.length = 0;
  t.emulator.dropAllMessages();
});

const numbers = () => queueCalls.map(({ body }) => (body as { number: number }).number);
const deliveries = () => queueCalls.map(({ metadata }) => metadata.deliveryCount);

/** The SDK may wait a fixed 60 s for a link that opened as its connection died. */
const afterCut = { timeoutMs: 80_000 };

test('a lock is renewed while the function runs, also for two messages of one id', async () => {
  await t.restart({ workQueue: 'short-lock' });
  await t.send(
    'short-lock',
    [1, 2].map((number) => ({ body: { number, door: 'long' }, messageId: 'the same' })),
  );
  await eventually(() => running.get('work')?.now === 2);
  const begun = Date.now();
  await eventually(() => Date.now() - begun > 4000);
  door('long').resolve();
  await eventually(() => t.total('short-lock') === 0);
  assert.deepEqual(deliveries(), [1, 1]);
  assert.deepEqual(
    t.lines.filter(({ level }) => level === 'warning' || level === 'error'),
    [],
  );
});

test('after maxAutoLockRenewalDuration the message comes again, and the late completion is only logged', async () => {
  await t.restart({ workQueue: 'short-lock', maxAutoLockRenewalDuration: '00:00:01' });
  await t.send('short-lock', [{ body: { number: 1, door: 'too long' } }]);
  await eventually(() => queueCalls.length === 2);
  door('too long').resolve();
  await eventually(() => t.total('short-lock') === 0);
  await eventually(() =>
    t.lines.some(({ level, message }) => level === 'warning' && message.includes('Could not complete')),
  );
  assert.deepEqual(deliveries(), [1, 2]);
});

test('a function over the time limit has failed', async () => {
  await t.restart({ functionTimeout: '00:00:01' });
  await t.send('work', [{ body: { number: 1, door: 'over time' } }]);
  await eventually(() => queueCalls.length === 2);
  assert.deepEqual(deliveries(), [1, 2]);
  assert.ok(t.lines.some(({ level, message }) => level === 'error' && message.includes('time limit')));
});

test('one message held for long does not stop thousands of others', async () => {
  await t.restart({ maxConcurrentCalls: 4 });
  await t.send('work', [{ body: { number: -1, door: 'forever' } }]);
  await eventually(() => running.get('work')?.now === 1);
  const count = 5000;
  for (let from = 0; from < count; from += 1000) {
    await t.send(
      'work',
      Array.from({ length: 1000 }, (_, index) => ({ body: { number: from + index } })),
    );
  }
  await eventually(() => t.total('work') === 1, afterCut);
  assert.equal(new Set(numbers()).size, count + 1);
  assert.equal(queueCalls.length, count + 1);
  assert.ok((running.get('work')?.most ?? 99) <= 4);
  door('forever').resolve();
  await eventually(() => t.total('work') === 0, afterCut);
});

test('a message whose function outlives its connection is still settled, and runs once', async () => {
  await t.restart({ settleLimitMs: 500 });
  await t.send(
    'work',
    [1, 2].map((number) => ({ body: { number, door: 'over the cut' } })),
  );
  await eventually(() => running.get('work')?.now === 2);
  t.emulator.cutConnections();
  await t.send('work', [{ body: { number: 3 } }]);
  await eventually(() => numbers().includes(3) && t.total('work') === 2, afterCut);
  door('over the cut').resolve();
  await eventually(() => t.total('work') === 0, afterCut);
  assert.deepEqual(numbers().sort(), [1, 2, 3]);
  assert.deepEqual(deliveries(), [1, 1, 1]);
  await t.send('work', [{ body: { number: 4 } }]);
  await eventually(() => numbers().includes(4) && t.total('work') === 0, afterCut);
});

test('stop: what runs is completed, what was not begun is left in the queue', async () => {
  await t.restart({ maxConcurrentCalls: 2 });
  await t.send(
    'work',
    Array.from({ length: 6 }, (_, number) => ({ body: { number, door: 'stopping' } })),
  );
  await eventually(() => running.get('work')?.now === 2);
  const stopped = t.host().stop({ graceMs: 10_000 });
  await eventually(() => Promise.resolve(true));
  door('stopping').resolve();
  assert.deepEqual(await stopped, { abandoned: 0 });
  assert.equal(queueCalls.length, 2);
  const counts = t.emulator.broker.find('work')?.counts();
  assert.deepEqual([counts?.total, counts?.active], [4, 4]);
});

test('stop: what does not end is given back at once', async () => {
  await t.restart();
  await t.send('work', [{ body: { number: 1, door: 'never opened' } }]);
  await eventually(() => running.get('work')?.now === 1);
  assert.deepEqual(await t.host().stop({ graceMs: 100 }), { abandoned: 1 });
  const receiver = t.client.createReceiver('work');
  const [again] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 5000 });
  assert.equal(again?.deliveryCount, 1);
  if (again) await receiver.completeMessage(again);
  await receiver.close();
});

test('a queue that is not there is told of, and does not stop the host', async () => {
  await t.restart({ workQueue: 'not-there' });
  await eventually(() => t.lines.some(({ level, message }) => level === 'warning' && message.includes('not-there')));
  await t.send('batch', [{ body: { number: 7 } }]);
  await eventually(() => t.total('batch') === 0);
});
