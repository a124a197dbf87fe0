import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Run } from '../../src/cli/bench/engine/arena.ts';
import { contestants, coreMachine } from '../../src/cli/bench/engine/contestant.ts';
import { parseStat } from '../../src/cli/bench/engine/cpu.ts';
import type { Round } from '../../src/cli/bench/engine/engine.ts';
import { engineReport } from '../../src/cli/bench/engine/engine-report.ts';
import { growthReport } from '../../src/cli/bench/engine/growth.ts';
import { selfTimes } from '../../src/cli/bench/engine/profile.ts';
import { parseReply } from '../../src/cli/bench/engine/redis.ts';
import { quantile } from '../../src/cli/bench/engine/statistics.ts';
import { inTurns } from '../../src/cli/bench/engine/turns.ts';
import { jobLabels, taskCount } from '../../src/cli/bench/engine/workloads.ts';
import { median } from '../../src/cli/bench/measure.ts';
import { Coalesced } from '../../src/cli/bench/peers/coalesced.ts';

describe('statistics of the bench', () => {
  test('quantiles are values that were measured, by the nearest rank', () => {
    const values = [5, 1, 4, 2, 3, 6, 7, 8, 9, 10];
    assert.equal(quantile(values, 0.5), 5);
    assert.equal(quantile(values, 0.95), 10);
    assert.equal(quantile([7], 0.5), 7);
    assert.ok(Number.isNaN(quantile([], 0.5)));
  });

  test('the median of an even number of values lies between the middle two', () => {
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([3, Number.POSITIVE_INFINITY, 1]), 3);
  });
});

describe('workloads of the bench', () => {
  test('counts the first and the last task of every job', () => {
    assert.equal(taskCount({ kind: 'fan', label: 'a', n: 100, taskMs: 0 }), 102);
    assert.equal(taskCount({ kind: 'many', label: 'a', jobs: 500, n: 4 }), 3000);
    assert.equal(taskCount({ kind: 'one', label: 'a' }), 1);
  });

  test('gives every job a label of its own', () => {
    assert.deepEqual(jobLabels({ kind: 'many', label: 'a', jobs: 2, n: 4 }), ['a#0', 'a#1']);
    assert.deepEqual(jobLabels({ kind: 'one', label: 'a' }), ['a']);
  });

  test('works in turns, never on more than it is told', async () => {
    let atOnce = 0;
    let most = 0;
    const done: number[] = [];
    await inTurns(10, 3, async (number) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await Promise.resolve();
      atOnce -= 1;
      done.push(number);
    });
    assert.equal(most, 3);
    assert.deepEqual(
      done.sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  });

  test('what comes while something is stored is stored together', async () => {
    const stored: number[][] = [];
    const first = Promise.withResolvers<void>();
    const coalesced = new Coalesced<number>(async (items) => {
      stored.push([...items]);
      if (stored.length === 1) await first.promise;
      if (items.includes(4)) throw new Error('refused');
    });
    const one = coalesced.add(1);
    await Promise.resolve();
    const later = [coalesced.add(2), coalesced.add(3)];
    first.resolve();
    await Promise.all([one, ...later]);
    assert.deepEqual(stored, [[1], [2, 3]]);
    await assert.rejects(coalesced.add(4), /refused/);
  });
});

describe('what the bench reads', () => {
  test('CPU time from a line of /proc, whatever the name of the process', () => {
    const line = `42 (a) b (c) S 7 42 42 0 -1 4194560 900 800 1 2 30 4 500 6 20 0 11 0 9 1000 200`;
    assert.deepEqual(parseStat(line), { pid: 42, parent: 7, ticks: 30 + 4 + 500 + 6 });
  });

  test('replies of Redis', () => {
    assert.equal(parseReply(':12\r\n'), '12');
    assert.equal(parseReply('$5\r\nabcde\r\n'), 'abcde');
    assert.equal(parseReply('$5\r\nabc'), null);
    assert.equal(parseReply('$-1\r\n'), '');
    assert.equal(parseReply('+OK'), null);
    assert.throws(() => parseReply('-ERR wrong number of arguments\r\n'), /wrong number/);
  });

  test('self times of a V8 profile, idle time left out', () => {
    const frame = (functionName: string, url = '', lineNumber = -1) => ({ functionName, url, lineNumber });
    const profile = {
      nodes: [
        { id: 1, callFrame: frame('(idle)') },
        { id: 2, callFrame: frame('encode', 'file:///x/node_modules/rhea/lib/frames.js', 9) },
        { id: 3, callFrame: frame('', 'file:///x/y/core/job.ts', 4) },
      ],
      samples: [1, 2, 3, 2],
      timeDeltas: [9000, 1000, 1000, 2000],
    };
    assert.deepEqual(selfTimes(profile, 5), [
      { place: 'encode rhea/lib/frames.js:10', milliseconds: 3, share: 0.75 },
      { place: '(anonymous) core/job.ts:5', milliseconds: 1, share: 0.25 },
    ]);
  });
});

describe('report of the bench', () => {
  const run = (seconds: number): Run => ({
    seconds,
    cpu: { worker: seconds, PostgreSQL: seconds / 2 },
    database: { statements: 2004, commits: 1002, walBytes: 1_002_000, fullPages: 0 },
    redisCommands: 0,
  });
  const round = (seconds: number, recovery: Round['recovery']): Round => ({
    runs: new Map([['fan-1000', [run(seconds)]]]),
    latency: { p50: seconds, p95: 2 * seconds },
    recovery,
  });
  const [, other] = contestants;
  assert.ok(other);
  const results = new Map([
    [coreMachine, [round(1, 2), round(2, 4), round(0.5, 3)]],
    [other, [round(2, null), round(2, undefined), round(2, undefined)]],
  ]);
  const context = {
    rounds: 3,
    sizes: [1000],
    versions: new Map([['PostgreSQL', '15']]),
    latencyJobs: 200,
    recoveryTasks: { n: 1000, taskMs: 20 },
  };
  const lines = engineReport(results, context);
  const rowsOf = (name: string) => lines.filter((line) => line.startsWith(`| ${name} |`));

  test('shows medians, and how many times as fast CoreMachine is', () => {
    assert.equal(rowsOf('CoreMachine')[0], '| CoreMachine | 1,002 | not finished |');
    assert.equal(rowsOf(other.name)[0], `| ${other.name} | 501 (2.00) | not finished |`);
  });

  test('shows what a task costs', () => {
    assert.equal(rowsOf('CoreMachine')[1], '| CoreMachine | 1.00 | 0.50 | – | 2.00 | 1.000 | 1,000 |');
  });

  test('shows a recovery that took longer than was waited as such', () => {
    assert.equal(rowsOf('CoreMachine')[2], '| CoreMachine | 1.0 ms | 2.0 ms | 3.0 s |');
    assert.equal(rowsOf(other.name)[2], `| ${other.name} | 2.0 ms | 4.0 ms | more than 120 s |`);
  });

  test('shows growth as medians of the rounds’ own ratios', () => {
    const cost = (milliseconds: number) => ({ milliseconds, statements: 1, walBytes: 100, fullPages: 0 });
    const rounds = [
      { small: cost(1), large: cost(1.2), full: cost(1) },
      { small: cost(2), large: cost(2), full: cost(2.2) },
      { small: cost(3), large: cost(3.3), full: cost(3) },
    ];
    const large = growthReport(rounds, 5_000_000, '15').find((line) => line.startsWith('| N = 100,000 |'));
    assert.equal(large, '| N = 100,000 | 2.000 ms (1.10) | 1.000 (1.00) | 100 (1.00) | 0.000 |');
  });
});
