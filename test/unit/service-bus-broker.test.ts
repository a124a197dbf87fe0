import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Broker } from '../../src/local/service-bus/broker/broker.ts';
import { Heap } from '../../src/local/service-bus/broker/heap.ts';
import type { IncomingMessage, MessageSections } from '../../src/local/service-bus/broker/message.ts';
import type { Queue, QueueChange, QueueDefinition } from '../../src/local/service-bus/broker/queue.ts';

interface Bench {
  readonly broker: Broker;
  readonly queue: Queue;
  readonly dead: Queue;
  readonly changes: QueueChange[];
  advance(ms: number): void;
}

function bench(definition: Partial<QueueDefinition> = {}, connectionLoss: 'release' | 'hold' = 'release'): Bench {
  let now = 1_000_000;
  const changes: QueueChange[] = [];
  const broker = new Broker({
    queues: [
      {
        name: 'Work',
        lockDurationMs: 30_000,
        maxDeliveryCount: 3,
        duplicateDetectionWindowMs: null,
        defaultTtlMs: null,
        deadLetterOnExpiry: true,
        ...definition,
      },
    ],
    key: 'key',
    connectionLoss,
    // The broker's rules do not look into sections; the marks are kept where a test can see them.
    mergeProperties: (sections, marks) => ({ ...sections, body: Buffer.from(JSON.stringify(marks)) }),
    record: (change) => changes.push(change),
    onReady: () => {},
    now: () => now,
  });
  const queue = broker.find('work');
  const dead = broker.find('WORK/$deadletterqueue');
  assert.ok(queue && dead);
  const advance = (ms: number) => {
    now += ms;
    broker.tick();
  };
  return { broker, queue, dead, changes, advance };
}

const sections: MessageSections = {
  annotations: null,
  properties: null,
  applicationProperties: null,
  body: Buffer.alloc(0),
};

function message(messageId: string, more: Partial<IncomingMessage> = {}): IncomingMessage {
  return { messageId, sections, timeToLiveMs: null, scheduledAt: null, ...more };
}

function takeIds(queue: Queue, owner = 'a'): string[] {
  const ids: string[] = [];
  for (let lock = queue.take(owner); lock; lock = queue.take(owner)) ids.push(lock.message.messageId);
  return ids;
}

function locked(queue: Queue, owner = 'a') {
  const lock = queue.take(owner);
  assert.ok(lock);
  return lock;
}

test('messages come in order, and an abandoned one goes back to its place', () => {
  const { queue } = bench();
  for (const id of ['1', '2', '3']) queue.enqueue(message(id));
  const first = locked(queue);
  queue.abandon(first.token);
  assert.deepEqual(takeIds(queue), ['1', '2', '3']);
});

test('a lock that runs out: counted, delivered again, the old token is worth nothing', () => {
  const { queue, advance } = bench();
  queue.enqueue(message('1'));
  const late = locked(queue);
  assert.equal(queue.take('b'), null);
  advance(30_001);
  const again = locked(queue, 'b');
  assert.notEqual(again.token, late.token);
  assert.equal(again.message.deliveryCount, 1);
  for (const settle of [queue.complete(late.token), queue.abandon(late.token), queue.defer(late.token)])
    assert.equal(settle, false);
  assert.equal(queue.renew(late.token), null);
  assert.equal(queue.complete(again.token), true);
});

test('a renewed lock outlives those taken after it', () => {
  const { queue, advance } = bench();
  for (const id of ['1', '2']) queue.enqueue(message(id));
  const [first] = [locked(queue), locked(queue)];
  advance(20_000);
  assert.ok(queue.renew(first.token));
  advance(15_000);
  assert.deepEqual(takeIds(queue), ['2'], 'the second lock ran out, the renewed one did not');
  assert.equal(queue.complete(first.token), true);
});

test('the third failed delivery is the last: dead letter with reason and source', () => {
  const { queue, dead, advance } = bench();
  queue.enqueue(message('poison'));
  queue.abandon(locked(queue).token);
  locked(queue);
  advance(30_001);
  queue.abandon(locked(queue).token);
  assert.equal(queue.take('a'), null);
  const buried = locked(dead).message;
  assert.deepEqual([buried.messageId, buried.deadLetterSource], ['poison', 'Work']);
  assert.match(buried.sections.body.toString(), /MaxDeliveryCountExceeded/);
  assert.deepEqual(queue.counts(), { active: 0, deadLettered: 1, scheduled: 0, total: 0 });
});

test('a message that outlives its time is dead-lettered, or gone where the queue says so', () => {
  const kept = bench();
  kept.queue.enqueue(message('1', { timeToLiveMs: 1000 }));
  kept.advance(1001);
  assert.equal(kept.queue.take('a'), null);
  assert.equal(kept.dead.counts().total, 1);
  const dropped = bench({ deadLetterOnExpiry: false, defaultTtlMs: 1000 });
  dropped.queue.enqueue(message('1'));
  dropped.advance(1001);
  assert.equal(dropped.queue.take('a'), null);
  assert.equal(dropped.dead.counts().total, 0);
});

test('a scheduled message waits, can be cancelled once, and lives from its time on', () => {
  const { queue, advance } = bench({ defaultTtlMs: 5000 });
  const [later, never] = [message('later', { scheduledAt: 1_010_000 }), message('never', { scheduledAt: 1_010_000 })];
  queue.enqueue(later);
  const sequence = queue.enqueue(never) ?? 0;
  assert.equal(queue.counts().scheduled, 2);
  assert.equal(queue.cancelScheduled(sequence), true);
  assert.equal(queue.cancelScheduled(sequence), false);
  assert.equal(queue.take('a'), null);
  advance(10_000);
  assert.deepEqual(takeIds(queue), ['later']);
  assert.equal(queue.counts().scheduled, 0);
});

test('a deferred message is taken by its number only, and keeps its place when abandoned', () => {
  const { queue } = bench();
  queue.enqueue(message('1'));
  const lock = locked(queue);
  queue.defer(lock.token, { mark: 1 });
  assert.equal(queue.take('a'), null);
  const [again] = queue.takeDeferred([lock.message.sequence], 'a');
  assert.ok(again);
  assert.deepEqual(queue.takeDeferred([lock.message.sequence], 'b'), [], 'locked by somebody else');
  queue.abandon(again.token);
  const [third] = queue.takeDeferred([lock.message.sequence], 'a');
  assert.equal(third && queue.complete(third.token), true);
  assert.equal(queue.counts().total, 0);
});

test('duplicates are dropped within the window, also after the first was completed, and not beyond it', () => {
  const { queue, advance } = bench({ duplicateDetectionWindowMs: 60_000 });
  assert.ok(queue.enqueue(message('same')));
  queue.complete(locked(queue).token);
  assert.equal(queue.enqueue(message('same')), null);
  advance(60_001);
  assert.ok(queue.enqueue(message('same')));
});

test('a lost connection: its locks are released at once and counted, or held until they run out', () => {
  const releasing = bench();
  releasing.queue.enqueue(message('1'));
  locked(releasing.queue, 'gone');
  releasing.broker.connectionLost('gone');
  assert.equal(locked(releasing.queue, 'b').message.deliveryCount, 1);
  const holding = bench({}, 'hold');
  holding.queue.enqueue(message('1'));
  locked(holding.queue, 'gone');
  holding.broker.connectionLost('gone');
  assert.equal(holding.queue.take('b'), null);
  holding.advance(30_001);
  assert.ok(holding.queue.take('b'));
});

test('peek shows every state in order from a number on, and takes nothing', () => {
  const { queue } = bench();
  queue.enqueue(message('locked'));
  queue.enqueue(message('ready'));
  queue.enqueue(message('later', { scheduledAt: 2_000_000 }));
  locked(queue);
  assert.deepEqual(
    queue.peek(1, 10).map(({ messageId }) => messageId),
    ['locked', 'ready', 'later'],
  );
  assert.deepEqual(
    queue.peek(2, 1).map(({ messageId }) => messageId),
    ['ready'],
  );
  assert.deepEqual(takeIds(queue), ['ready']);
});

test('faults on the way in: a message lost, doubled', () => {
  const { broker, queue } = bench();
  broker.injectFault((_name, incoming) => (incoming.messageId === 'lost' ? [] : [incoming, incoming]));
  broker.accept(queue, message('lost'));
  broker.accept(queue, message('twice'));
  broker.injectFault(null);
  broker.accept(queue, message('once'));
  assert.deepEqual(takeIds(queue), ['twice', 'twice', 'once']);
});

test('what must survive a restart is recorded: the changes rebuild the queue', () => {
  const first = bench();
  for (const id of ['1', '2', '3', '4']) first.queue.enqueue(message(id));
  first.queue.complete(locked(first.queue).token);
  first.queue.abandon(locked(first.queue).token);
  first.queue.deadLetter(locked(first.queue).token, 'bad', 'very');
  const second = bench();
  const live = new Map<string, QueueChange & { kind: 'put' }>();
  for (const change of first.changes) {
    if (change.kind === 'put') live.set(`${change.queue}/${change.message.sequence}`, change);
    else if (change.kind === 'remove') live.delete(`${change.queue}/${change.sequence}`);
  }
  for (const { queue, message: kept } of live.values()) second.broker.find(queue)?.restore({ ...kept });
  assert.deepEqual(second.queue.counts(), first.queue.counts());
  const next = locked(second.queue).message;
  assert.equal(second.queue.enqueue(message('new')), 5, 'sequence numbers go on');
  assert.ok(next.sequence < 5);
});

test('the heap gives back what it was given, in order', () => {
  const heap = new Heap<number>((value) => value);
  const values = Array.from({ length: 500 }, (_, index) => (index * 7919) % 503);
  for (const value of values) heap.push(value);
  const out: number[] = [];
  for (let value = heap.pop(); value !== undefined; value = heap.pop()) out.push(value);
  assert.deepEqual(
    out,
    [...values].sort((a, b) => a - b),
  );
});
