import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineJob } from '../../core/job.ts';
import { type Bench, bench, numberHandler } from './engine-tools.ts';

const double = numberHandler('double', (value) => value * 2);
const upkeepRuns = ['republish', 'leases', 'stages', 'timeouts'] as const;

/** A job whose given stage cannot be planned the first `failures` times; tells when it was tried, in s. */
function shy(stage: 1 | 2, failures: number) {
  const tries: number[] = [];
  let b: Bench | undefined;
  let start = 0;
  const plan = (number: number) => {
    if (number === stage) {
      start ||= b?.clock.now() ?? 0;
      tries.push(((b?.clock.now() ?? 0) - start) / 1000);
      if (tries.length <= failures) throw new CoreMachineError('STORAGE_UNAVAILABLE', 'away');
    }
    return [{ key: 'one', input: { value: 1 } }];
  };
  const job = defineJob('shy', { description: 'for tests', parameters: z.object({}), timeLimitHours: 1 })
    .stage('first', double, () => plan(1))
    .stage('second', double, () => plan(2))
    .finalize(() => ({}));
  b = bench([job]);
  return { b, tries };
}

for (const stage of [1, 2] as const) {
  test(`stage ${stage} cannot be planned for a while: it is tried again after 5, 10 and 20 s`, async () => {
    const { b, tries } = shy(stage, 3);
    const jobId = await b.submit('shy');
    await b.drainAll();
    assert.deepEqual(tries, [0, 5, 15, 35]);
    assert.equal((await b.store.getJob(jobId))?.status, 'completed');
    const events = (await b.store.listEvents(jobId, { limit: 50 })).filter(({ event }) => event === 'plan_retried');
    assert.deepEqual(
      events.map(({ attempt, stage: at, detail }) => [attempt, at, detail?.delay_ms]),
      [
        [1, stage, 5000],
        [2, stage, 10_000],
        [3, stage, 20_000],
      ],
    );
  });

  test(`stage ${stage} cannot be planned in four attempts: the job fails with the error's code`, async () => {
    const { b, tries } = shy(stage, Number.POSITIVE_INFINITY);
    const jobId = await b.submit('shy');
    await b.drainAll();
    const { status, error } = (await b.store.getJob(jobId)) ?? {};
    assert.deepEqual([tries.length, status, error?.code], [4, 'failed', 'STORAGE_UNAVAILABLE']);
    b.clock.advance(6 * 60_000);
    for (const run of upkeepRuns) assert.equal((await b.machine.upkeep(run)).fixed, 0, run);
  });

  test(`stage ${stage} cannot be planned and every message is lost: the job still ends after four attempts`, async () => {
    const { b, tries } = shy(stage, Number.POSITIVE_INFINITY);
    const jobId = await b.submit('shy');
    const job = () => b.store.getJob(jobId);
    for (let round = 0; round < 40 && (await job())?.status !== 'failed'; round += 1) {
      await b.drain();
      while (b.queue.length > 0) {
        b.clock.advance(Math.max(0, (b.queue.nextDue() ?? 0) - b.clock.now()));
        b.queue.take();
      }
      b.clock.advance(6 * 60_000);
      for (const run of ['republish', 'leases', 'stages'] as const) await b.machine.upkeep(run);
    }
    assert.deepEqual([(await job())?.error?.code, tries.length], ['STORAGE_UNAVAILABLE', 4]);
  });
}

test('a message that comes twice while the retry waits counts once', async () => {
  const { b, tries } = shy(1, 5);
  const jobId = await b.submit('shy');
  const message = b.queue.take()?.message.body;
  for (let copy = 0; copy < 3; copy += 1) await b.machine.handleJobMessage(message);
  assert.deepEqual([tries.length, b.queue.length], [3, 1]);
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
});

test('a plan that kills its worker each time ends with TIMEOUT at the time limit of the job', async () => {
  const dead = new Promise<never>(() => {});
  const job = defineJob('deadly', { description: 'for tests', parameters: z.object({}), timeLimitHours: 1 })
    .stage('first', double, () => dead)
    .finalize(() => ({}));
  const b = bench([job]);
  const jobId = await b.submit('deadly');
  const message = b.queue.take()?.message.body;
  void b.machine.handleJobMessage(message, { deliveryCount: 1 });
  void b.machine.handleJobMessage(message, { deliveryCount: 2 });
  await new Promise((resolve) => setImmediate(resolve));
  b.clock.advance(3_500_000);
  assert.equal((await b.machine.upkeep('timeouts')).fixed, 0);
  b.clock.advance(200_000);
  assert.equal((await b.machine.upkeep('timeouts')).fixed, 1);
  assert.equal((await b.store.getJob(jobId))?.error?.code, 'TIMEOUT');
});
