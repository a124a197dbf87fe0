import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCampaign } from './campaign.ts';
import { actionKinds, planOf } from './plan.ts';

// A few seeds of `./run chaos`, which runs hundreds; and the proof that the suite finds what it is made to find.
// Chosen for what they do: together all kinds of action, and message faults of every kind.
const seeds = [4, 8, 19, 80];

test('the short form has every kind of action, and every fate of a message', () => {
  const plans = seeds.map((seed) => planOf(seed));
  const kinds = new Set(plans.flatMap(({ actions }) => actions.map(({ kind }) => kind)));
  assert.deepEqual([...kinds].sort(), [...actionKinds].sort());
  for (const fate of ['drop', 'double', 'delay', 'shuffle'] as const) {
    assert.ok(
      plans.some(({ messages }) => Number(messages[fate]) > 0),
      fate,
    );
  }
});

test('jobs come through kills, freezes, cuts, locks and lost messages', { timeout: 200_000 }, async (t) => {
  const reports = await runCampaign({
    seeds,
    lanes: 1,
    mutant: null,
    onReport: (report, account) => t.diagnostic(account || `seed ${report.seed}: ${report.durationMs} ms`),
  });
  assert.deepEqual(
    reports.flatMap(({ seed, problems }) => problems.map((problem) => `seed ${seed}: ${problem}`)),
    [],
  );
  for (const { seed, moves } of reports) assert.ok(moves > 20, `seed ${seed} did next to nothing: ${moves} moves`);
});

test('an engine without fencing is found out', async () => {
  const seen = await problemsOf('no-fencing', [3, 4, 7, 19, 10, 3, 4, 7]);
  assert.match(seen, /not so: no accepted result is overwritten|not so: the accepted result is of the last attempt/);
});

test('an engine without its reconciler is found out', async () => {
  const seen = await problemsOf('no-reconciler', [7, 2, 1]);
  assert.match(seen, /not at rest after/);
});

/** What the first of these seeds finds that finds something. */
async function problemsOf(mutant: 'no-fencing' | 'no-reconciler', tried: readonly number[]): Promise<string> {
  const options = { lanes: 1, mutant, stopAtFailure: true, keepLogs: false, settleLimitMs: 8000 };
  const reports = await runCampaign({ seeds: tried, ...options });
  return reports.flatMap(({ problems }) => problems).join('\n');
}
