import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Batcher, type BatcherOptions } from '../../infrastructure/postgres/batcher.ts';
import { eventually } from '../tools/poll.ts';

interface Item {
  readonly key: string;
  readonly weight?: number;
}

const bad = new Error('one of the items');
const outage = new Error('all of the items');

/** A batcher whose batches the test sees and lets return one by one. */
function bench(options: Partial<BatcherOptions<Item, string>> = {}) {
  const batches: { readonly keys: string[]; release(): void; fail(error: Error): void }[] = [];
  const batcher = new Batcher<Item, string>({
    run: (items) =>
      new Promise((resolve, reject) => {
        batches.push({
          keys: items.map(({ key }) => key),
          release: () => resolve(items.map(({ key }) => `done ${key}`)),
          fail: reject,
        });
      }),
    keyOf: ({ key }) => key,
    sameKey: 'wait',
    maxItems: 100,
    isItemError: (error) => error === bad,
    ...options,
  });
  const batch = (number: number) => eventually(() => batches[number], { intervalMs: 1 });
  return { batcher, batches, batch, send: (...keys: string[]) => keys.map((key) => batcher.do({ key })) };
}

describe('batches', () => {
  test('a lone call leaves at once and gets its outcome', async () => {
    const { send, batch } = bench();
    const [answer] = send('a');
    (await batch(0)).release();
    assert.equal(await answer, 'done a');
  });

  test('calls of one turn of the event loop leave together', async () => {
    const { send, batch } = bench();
    const answers = send('a', 'b', 'c');
    const first = await batch(0);
    assert.deepEqual(first.keys, ['a', 'b', 'c']);
    first.release();
    assert.deepEqual(await Promise.all(answers), ['done a', 'done b', 'done c']);
  });

  test('what comes while a batch is under way makes up the next, which leaves when the first is back', async () => {
    const { send, batch, batches } = bench();
    const [a] = send('a');
    const first = await batch(0);
    const rest = [...send('b'), ...send('c')];
    await new Promise(setImmediate);
    assert.equal(batches.length, 1);
    first.release();
    assert.equal(await a, 'done a');
    const second = await batch(1);
    assert.deepEqual(second.keys, ['b', 'c']);
    second.release();
    assert.deepEqual(await Promise.all(rest), ['done b', 'done c']);
  });

  test('after everything is done the next call starts anew', async () => {
    const { send, batch } = bench();
    for (const round of [0, 1, 2]) {
      const [answer] = send(`k${round}`);
      (await batch(round)).release();
      assert.equal(await answer, `done k${round}`);
    }
  });

  test('a batch takes no more than its number of items, in the order they came', async () => {
    const { send, batch } = bench({ maxItems: 2 });
    const answers = send('a', 'b', 'c', 'd', 'e');
    const sizes: string[][] = [];
    for (const number of [0, 1, 2]) {
      const one = await batch(number);
      sizes.push(one.keys);
      one.release();
    }
    assert.deepEqual(sizes, [['a', 'b'], ['c', 'd'], ['e']]);
    await Promise.all(answers);
  });

  test('a batch takes no more than its weight, but always one item', async () => {
    const { batcher, batch } = bench({ weightOf: ({ weight }) => weight ?? 0, maxWeight: 10 });
    const items = [6, 5, 4, 30, 1].map((weight, index) => ({ key: `${index}`, weight }));
    const answers = items.map((item) => batcher.do(item));
    const sizes: string[][] = [];
    while (sizes.flat().length < items.length) {
      const one = await batch(sizes.length);
      sizes.push(one.keys);
      one.release();
    }
    assert.deepEqual(sizes, [['0', '2'], ['1', '4'], ['3']]);
    await Promise.all(answers);
  });
});

describe('calls with the same key', () => {
  test('wait: the second is in the next batch, and has its own outcome', async () => {
    const { send, batch } = bench({ sameKey: 'wait' });
    const answers = send('a', 'a', 'b', 'a');
    const keys: string[][] = [];
    for (const number of [0, 1, 2]) {
      const one = await batch(number);
      keys.push(one.keys);
      one.release();
    }
    assert.deepEqual(keys, [['a', 'b'], ['a'], ['a']]);
    await Promise.all(answers);
  });

  test('share: they take one place and all get its outcome', async () => {
    const { send, batch } = bench({ sameKey: 'share', maxItems: 2 });
    const answers = send('a', 'b', 'a', 'a');
    const first = await batch(0);
    assert.deepEqual(first.keys, ['a', 'b']);
    first.release();
    assert.deepEqual(await Promise.all(answers), ['done a', 'done b', 'done a', 'done a']);
  });

  test('share: a call never joins a batch that has left, whose outcome would be older than the call', async () => {
    const { send, batch } = bench({ sameKey: 'share' });
    const [early] = send('a');
    const first = await batch(0);
    const [late] = send('a');
    first.release();
    assert.equal(await early, 'done a');
    const second = await batch(1);
    assert.deepEqual(second.keys, ['a']);
    second.release();
    assert.equal(await late, 'done a');
  });
});

describe('failures', () => {
  test('an outage rejects every call of its batch and none after it', async () => {
    const { send, batch } = bench();
    const answers = send('a', 'b');
    const settled = Promise.allSettled(answers);
    (await batch(0)).fail(outage);
    for (const one of await settled) assert.deepEqual(one, { status: 'rejected', reason: outage });
    const [after] = send('c');
    (await batch(1)).release();
    assert.equal(await after, 'done c');
  });

  test('when one item is at fault each is done by itself, and only that one is rejected', async () => {
    const { send, batch } = bench();
    const settled = Promise.allSettled(send('a', 'bad', 'c'));
    (await batch(0)).fail(bad);
    (await batch(1)).release();
    (await batch(2)).fail(bad);
    (await batch(3)).release();
    assert.deepEqual(await settled, [
      { status: 'fulfilled', value: 'done a' },
      { status: 'rejected', reason: bad },
      { status: 'fulfilled', value: 'done c' },
    ]);
  });

  test('an item at fault that is alone is rejected without a second try', async () => {
    const { send, batch, batches } = bench();
    const settled = Promise.allSettled(send('bad'));
    (await batch(0)).fail(bad);
    assert.deepEqual(await settled, [{ status: 'rejected', reason: bad }]);
    assert.equal(batches.length, 1);
  });

  test('an outage while items are done one by one rejects that one; the others are still tried', async () => {
    const { send, batch } = bench();
    const settled = Promise.allSettled(send('a', 'b'));
    (await batch(0)).fail(bad);
    (await batch(1)).fail(outage);
    (await batch(2)).release();
    assert.deepEqual(
      (await settled).map(({ status }) => status),
      ['rejected', 'fulfilled'],
    );
  });

  test('a thousand calls from many places each get the outcome of their own item', async () => {
    const batcher = new Batcher<number, number>({
      run: async (items) => {
        await new Promise(setImmediate);
        return items.map((item) => item * 2);
      },
      keyOf: (item) => `${item % 700}`,
      sameKey: 'wait',
      maxItems: 64,
      isItemError: () => false,
    });
    const numbers = Array.from({ length: 1000 }, (_, number) => number);
    const answers = await Promise.all(numbers.map((number) => batcher.do(number)));
    assert.deepEqual(
      answers,
      numbers.map((number) => number * 2),
    );
  });
});
