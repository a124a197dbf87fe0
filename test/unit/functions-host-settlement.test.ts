import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { keepLocked } from '../../src/local/functions-host/service-bus/lock-renewal.ts';
import { type Outcome, SettlementGate } from '../../src/local/functions-host/service-bus/settlement-gate.ts';
import { Slots } from '../../src/local/functions-host/service-bus/slots.ts';

/** Counts turns of the event loop, so that each settlement can say in which one it was begun. */
function turnCounter() {
  let turn = 0;
  let running = true;
  const tick = () => {
    turn += 1;
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  return {
    now: () => turn,
    stop: () => {
      running = false;
    },
  };
}

test('one kind of outcome per turn, whatever is asked for in which order', async () => {
  const gate = new SettlementGate();
  const turns = turnCounter();
  const begun: { outcome: Outcome; number: number; turn: number }[] = [];
  const kinds: readonly Outcome[] = ['complete', 'abandon', 'complete', 'deadLetter', 'abandon'];
  const settle = (outcome: Outcome, number: number) =>
    gate.pass(outcome, async () => {
      begun.push({ outcome, number, turn: turns.now() });
      return number;
    });
  const answers: Promise<number>[] = [];
  for (let number = 0; number < 200; number += 1) {
    answers.push(settle(kinds[number % kinds.length] ?? 'complete', number));
    if (number % 50 === 49) await nextTurn();
  }
  assert.deepEqual(await Promise.all(answers), [...answers.keys()]);
  turns.stop();
  const kindsOfTurn = Map.groupBy(begun, ({ turn }) => turn);
  for (const [turn, settled] of kindsOfTurn) {
    assert.equal(new Set(settled.map(({ outcome }) => outcome)).size, 1, `turn ${turn}`);
  }
  assert.equal(begun.length, 200);
  assert.ok(kindsOfTurn.size >= 3);
});

test('outcomes of one kind pass in the same turn without waiting', () => {
  const gate = new SettlementGate();
  let passed = 0;
  for (let number = 0; number < 100; number += 1) {
    void gate.pass('complete', async () => {
      passed += 1;
    });
  }
  assert.equal(passed, 100);
  void gate.pass('abandon', async () => {
    passed += 1;
  });
  assert.equal(passed, 100);
});

test('a failing settlement reaches its caller and nobody else', async () => {
  const gate = new SettlementGate();
  const outcomes = await Promise.allSettled([
    gate.pass('complete', async () => 'a'),
    gate.pass('abandon', () => Promise.reject(new Error('lock lost'))),
    gate.pass('abandon', async () => 'c'),
    gate.pass('complete', async () => 'd'),
  ]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
});

test('slots bound what runs and keep the order of those who wait', async () => {
  const slots = new Slots(3);
  const order: number[] = [];
  let running = 0;
  let most = 0;
  const work = (number: number) =>
    slots.use(async () => {
      order.push(number);
      running += 1;
      most = Math.max(most, running);
      await nextTurn();
      running -= 1;
      if (number === 4) throw new Error('a failure gives its slot back');
    });
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, number) => work(number)));
  assert.equal(most, 3);
  assert.deepEqual(order, [...Array(20).keys()]);
  assert.equal(results.filter(({ status }) => status === 'rejected').length, 1);
});

beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'] }));
afterEach(() => mock.timers.reset());

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    mock.timers.tick(Math.min(100, left));
    await nextTurn();
  }
}

test('a lock is renewed before it runs out, until it is stopped', async () => {
  const renewedAt: number[] = [];
  const lock = keepLocked({
    lockedUntil: new Date(30_000),
    renew: async () => {
      renewedAt.push(Date.now());
      return new Date(Date.now() + 30_000);
    },
    maxDurationMs: Number.POSITIVE_INFINITY,
    onLost: () => assert.fail('not lost'),
  });
  await pass(65_000);
  assert.deepEqual(renewedAt, [20_000, 40_000, 60_000]);
  lock.stop();
  await pass(60_000);
  assert.equal(renewedAt.length, 3);
});

test('renewal ends after its longest duration', async () => {
  let renewals = 0;
  keepLocked({
    lockedUntil: new Date(2000),
    renew: async () => {
      renewals += 1;
      return new Date(Date.now() + 2000);
    },
    maxDurationMs: 4500,
    onLost: () => assert.fail('not lost'),
  });
  await pass(20_000);
  assert.equal(renewals, 4);
});

test('a failed renewal is tried again while the lock holds; a lost lock is told once', async () => {
  let tries = 0;
  const lost: unknown[] = [];
  keepLocked({
    lockedUntil: new Date(10_000),
    renew: async () => {
      tries += 1;
      throw tries < 3 ? new Error('connection') : Object.assign(new Error('gone'), { code: 'MessageLockLost' });
    },
    maxDurationMs: 60_000,
    onLost: (error) => lost.push(error),
  });
  await pass(30_000);
  assert.equal(tries, 3);
  assert.equal(lost.length, 1);
});
