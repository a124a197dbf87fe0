import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LateMarks } from '../../infrastructure/postgres/late-marks.ts';
import { eventually } from '../tools/poll.ts';

/** Marks that note what was stored. */
function marksOf(waitMs: number) {
  const late = new LateMarks(waitMs);
  const stored: string[] = [];
  const mark = (name: string) =>
    late.do(async () => {
      await new Promise(setImmediate);
      stored.push(name);
    });
  return { late, stored, mark };
}

describe('marks of sent messages', () => {
  test('without a wait, they are stored before the caller goes on', async () => {
    const { mark, stored } = marksOf(0);
    await mark('a');
    assert.deepEqual(stored, ['a']);
  });

  test('with a wait, the caller goes on, and they are stored together after it', async () => {
    const { mark, stored } = marksOf(20);
    await Promise.all([mark('a'), mark('b')]);
    assert.equal(stored.length, 0);
    await eventually(() => stored.length > 0, { intervalMs: 1 });
    assert.equal(stored.join(), 'a,b');
    await mark('c');
    await eventually(() => stored.includes('c'), { intervalMs: 1 });
  });

  test('a flush stores what waits, and waits for what is being stored', async () => {
    const { late, mark, stored } = marksOf(60_000);
    await mark('a');
    const first = late.flush();
    await mark('b');
    await Promise.all([first, late.flush()]);
    assert.deepEqual(stored, ['a', 'b']);
    await late.flush();
  });

  test('one that cannot be stored is left: nothing throws, the others are stored', async () => {
    const { late, mark, stored } = marksOf(60_000);
    await late.do(() => Promise.reject(new Error('the database is away')));
    await mark('b');
    await late.flush();
    assert.deepEqual(stored, ['b']);
  });

  test('what was flushed is not kept', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { late } = marksOf(60_000);
    const heapAfter = async (flushes: number) => {
      for (let flush = 0; flush < flushes; flush += 1) {
        for (let mark = 0; mark < 10; mark += 1) await late.do(async () => {});
        await late.flush();
      }
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await heapAfter(100);
    assert.ok((await heapAfter(10_000)) - before < 2_000_000);
    // Still in use, so that it was not collected itself.
    await late.flush();
  });
});
