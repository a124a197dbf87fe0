import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StageResults } from '../../core/results.ts';

/** A stage with so many results, of which at most `room` come in a page; notes what was asked for. */
function stage(count: number, room: (after: number) => number) {
  const asked: number[] = [];
  const results = new StageResults<string>(async (after, limit) => {
    asked.push(limit);
    const length = Math.max(0, Math.min(limit, room(after), count - after - 1));
    return Array.from({ length }, (_, place) => ({ number: after + 1 + place, key: 'k', output: 'o' }));
  });
  return { asked, results };
}

test('100,000 small results are read in little more pages than there are of the largest', async () => {
  const { asked, results } = stage(100_000, () => 500);
  assert.equal(await results.count(), 100_000);
  assert.ok(asked.length <= 100_000 / 500 + 7, `${asked.length} pages`);
  assert.equal(Math.max(...asked), 500);
});

test('of large results no more are asked for than twice as many as have room', async () => {
  const { asked, results } = stage(1000, (after) => (after < 300 ? 4 : 500));
  assert.equal((await results.all()).length, 1000);
  assert.deepEqual(asked.slice(0, 5), [64, 8, 8, 8, 8]);
  assert.ok(asked.length < 300 / 4 + 12, `${asked.length} pages`);
});

test('the first result is asked for alone', async () => {
  const { asked, results } = stage(9, () => 500);
  assert.equal((await results.first())?.number, 0);
  assert.equal(await results.only(), 'o');
  assert.deepEqual(asked, [1, 1]);
});
