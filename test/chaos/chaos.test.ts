import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tally } from '../contract/state-store-tools.ts';
import { runCampaign } from './campaign.ts';
import { fates } from './message-faults.ts';
import { actionKinds } from './plan.ts';

// A few seeds of `./run chaos`, which runs hundreds; and the proof that the suite finds what it is made to find.
// Chosen for what they do: together all kinds of action, and message faults of every kind.
const seeds = [4, 8, 19, 80];

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
  const strikes = new Set(reports.flatMap(({ struck }) => struck));
  t.diagnostic(JSON.stringify(reports.map(({ seed, struck }) => [seed, tally(struck)])));
  assert.deepEqual([...strikes].sort(), [...actionKinds, ...fates].sort(), 'each kind struck, and every fate befell');
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
