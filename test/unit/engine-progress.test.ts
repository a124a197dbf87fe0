import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import { z } from 'zod';
import { defineHandler } from '../../core/handler.ts';
import { defineJob } from '../../core/job.ts';
import { bench } from './engine-tools.ts';

/** What the store holds of the one task while its handler works. */
async function storedProgress(store: ReturnType<typeof bench>['store'], jobId: string): Promise<number | null> {
  const [stage] = await store.getStages(jobId, 1);
  return stage?.runningProgress ?? null;
}

test('progress of a long task is stored every 5 s, though its lease lasts a minute', async (t) => {
  let report: (fraction: number) => void = () => {};
  let finish: () => void = () => {};
  const handler = defineHandler('long_work', {
    description: 'Works until it is told to end.',
    input: z.object({}),
    output: z.object({}),
    async run(_, context) {
      report = context.progress;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return {};
    },
  });
  const job = defineJob('long_job', { description: 'One long task', parameters: z.object({}) })
    .stage('work', handler, () => [{ key: 'one', input: {} }])
    .finalize(() => ({}));
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'Date'] });
  const { store, submit, drain } = bench([job], { leaseMs: 60_000 });
  const jobId = await submit('long_job');
  const draining = drain();
  for (let turn = 0; turn < 50; turn += 1) await soon();
  for (const fraction of [0.1, 0.35, 0.8]) {
    report(fraction);
    t.mock.timers.tick(5000);
    for (let turn = 0; turn < 20; turn += 1) await soon();
    assert.equal(await storedProgress(store, jobId), fraction);
  }
  let renewals = 0;
  const renewLease = store.renewLease.bind(store);
  t.mock.method(store, 'renewLease', (...given: Parameters<typeof renewLease>) => {
    renewals += 1;
    return renewLease(...given);
  });
  for (let tick = 0; tick < 8; tick += 1) {
    t.mock.timers.tick(5000);
    for (let turn = 0; turn < 20; turn += 1) await soon();
  }
  assert.equal(renewals, 2, 'without news the lease is renewed three times in its life');
  finish();
  await draining;
  assert.equal((await store.getJob(jobId))?.status, 'completed');
});
