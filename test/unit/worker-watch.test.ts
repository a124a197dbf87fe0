import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import { CoreMachine } from '../../core/machine/core-machine.ts';
import { WorkerWatch } from '../../src/worker-watch.ts';
import { eventually } from '../tools/poll.ts';
import { type Bench, bench, Crash, numberHandler, sumJob } from './engine-tools.ts';

const double = numberHandler('double', (value) => value * 2);

/** A bench whose one task was a worker's that died, without its message; the death is told once, its leases have ended. */
async function afterDeath(overrides: Parameters<typeof bench>[1] = {}): Promise<Bench & { readonly jobId: string }> {
  const b = bench([sumJob(double)], overrides);
  const jobId = await b.submit('sum_job', { n: 1 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  b.queue.take();
  await b.store.claimTask({ jobId, run: 1, stage: 1, task: 0 }, { worker: 'died', leaseMs: 1 });
  b.clock.advance(1500);
  const deaths = ['died'];
  b.store.endLeasesOfDeadWorkers = async () => deaths.splice(0);
  return { ...b, jobId };
}

/** Rejects the next so many times. */
function awayFor(b: Bench, times: number): void {
  const { sendTaskMessages } = b.queue;
  let left = times;
  b.queue.sendTaskMessages = async (messages) => {
    if (left-- > 0) throw new CoreMachineError('QUEUE_UNAVAILABLE', 'away');
    return sendTaskMessages.call(b.queue, messages);
  };
}

test('what a dead worker had is sent again soon, also when it could not be sent as the death was seen', async () => {
  const b = await afterDeath();
  awayFor(b, 2);
  assert.equal(await b.machine.buryWorkers(1000), 1);
  assert.deepEqual(
    (await b.store.listUpkeepRuns({ limit: 5 })).map(({ run, error }) => [run, error?.code]),
    [
      ['stages', undefined],
      ['leases', 'QUEUE_UNAVAILABLE'],
    ],
  );
  await assert.rejects(b.machine.republishAfterLoss(), { code: 'QUEUE_UNAVAILABLE' });
  assert.equal(b.queue.length, 0, 'marked as sent twice, and not sent');
  await b.machine.republishAfterLoss();
  assert.equal(b.queue.length, 1);
  b.clock.advance(1000);
  await b.machine.republishAfterLoss();
  assert.equal(b.queue.length, 1, 'not again: its message waits');
  await b.drainAll();
  assert.equal((await b.store.getJob(b.jobId))?.status, 'completed');
});

test('the watch goes on with what follows a death until it is done', async () => {
  const b = await afterDeath();
  awayFor(b, 2);
  const watch = new WorkerWatch(b.machine, silentLog);
  try {
    await eventually(async () => b.queue.length === 1);
  } finally {
    await watch.stop();
  }
  await b.drainAll();
  assert.equal((await b.store.getJob(b.jobId))?.status, 'completed');
});

test('a worker that dies with another one buried and nothing done about it: upkeep finds what that one had', async () => {
  const b = await afterDeath({
    instants: (name) => {
      if (name === 'workers-buried') throw new Crash(name);
    },
  });
  await assert.rejects(b.machine.buryWorkers(1000), Crash);
  const survivor = new CoreMachine({ ...b.machine.engine });
  assert.equal(await survivor.buryWorkers(1000), 0, 'a death is told once');
  assert.equal((await survivor.upkeep('leases')).fixed, 1);
  await b.drainAll();
  assert.equal((await b.store.getJob(b.jobId))?.status, 'completed');
});
