import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineJob } from '../../core/job.ts';
import type { UpkeepReport } from '../../core/upkeep/index.ts';
import { bench, Crash, drainLosing, numberHandler, sumJob } from './engine-tools.ts';

const double = numberHandler('double', (value) => value * 2);

test('on a healthy system upkeep fixes nothing', async () => {
  const b = bench([sumJob(double)]);
  await b.submit('sum_job');
  await b.drainAll();
  b.clock.advance(3_600_000);
  for (const run of ['republish', 'leases', 'stages'] as const) {
    assert.deepEqual(await b.machine.upkeep(run), { scanned: 0, fixed: 0, actions: [] });
  }
});

test('upkeep leaves a stage alone whose worker is about to close it', async () => {
  const meanwhile: Promise<UpkeepReport>[] = [];
  const b = bench([sumJob(double)], {
    instants: (name) => {
      if (name === 'result-stored') meanwhile.push(b.machine.upkeep('stages'));
    },
  });
  await b.submit('sum_job');
  await b.drainAll();
  assert.ok(meanwhile.length > 1);
  for (const report of await Promise.all(meanwhile)) assert.equal(report.scanned, 0);
});

test('the stage that a worker died before closing is closed when its death is seen', async () => {
  let armed = true;
  const b = bench([sumJob(double)], {
    instants: (name) => {
      if (!armed || name !== 'result-stored') return;
      armed = false;
      throw new Crash(name);
    },
  });
  const jobId = await b.submit('sum_job', { n: 1 });
  await drainLosing(b);
  b.store.endLeasesOfDeadWorkers = async () => ['the one that died'];
  b.clock.advance(1500);
  assert.equal(await b.machine.buryWorkers(1000), 1);
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
});

for (const how of ['its message comes again', 'upkeep finds it', 'its death is seen'] as const) {
  test(`a worker that dies with a task failed and its job not: the job fails when ${how}, not after all tasks`, async () => {
    const ran: number[] = [];
    const failing = numberHandler('failing', (value) => {
      ran.push(value);
      if (value === 1) throw new CoreMachineError('RASTER_UNSUPPORTED', 'no');
      return value;
    });
    let armed = true;
    const b = bench([sumJob(failing)], {
      instants: (name) => {
        if (!armed || name !== 'result-stored' || ran.at(-1) !== 1) return;
        armed = false;
        throw new Crash(name);
      },
    });
    const jobId = await b.submit('sum_job', { n: 50 });
    await assert.rejects(b.drain(), Crash);
    assert.deepEqual(ran, [0, 1]);
    b.store.endLeasesOfDeadWorkers = async () => ['the one that died'];
    if (how === 'its message comes again') {
      await b.machine.handleTaskMessage({ job_id: jobId, run: 1, stage: 1, task: 1, correlation_id: 'test' });
    } else if (how === 'upkeep finds it') {
      assert.equal((await b.machine.upkeep('stages')).fixed, 0, 'left to its worker');
      b.clock.advance(31_000);
      assert.deepEqual((await b.machine.upkeep('stages')).actions, [`closed stage 1 of job ${jobId}`]);
    } else {
      b.clock.advance(1500);
      await b.machine.buryWorkers(1000);
    }
    const { status, error } = (await b.store.getJob(jobId)) ?? {};
    assert.deepEqual(
      [status, error?.code, error?.message],
      ['failed', 'RASTER_UNSUPPORTED', 'stage work, task n1: no'],
    );
    await b.drainAll();
    assert.deepEqual(ran, [0, 1], 'no other handler ran');
  });
}

test('upkeep finds what it cannot send, and does not say that it was sent', async () => {
  const b = bench([sumJob(double)]);
  await b.submit('sum_job', { n: 1 });
  const jobId = await b.submit('sum_job', { n: 2 });
  b.queue.take();
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  while (b.queue.take());
  b.queue.sendJobMessages = () => Promise.reject(new CoreMachineError('QUEUE_UNAVAILABLE', 'away'));
  b.clock.advance(6 * 60_000);
  const { scanned, fixed, actions } = await b.machine.upkeep('republish');
  assert.deepEqual([scanned, fixed], [3, 2]);
  assert.ok(actions.every((action) => action.includes(`task`) && action.includes(jobId)));
});

test('a stage that cannot be closed now keeps upkeep neither from closing other stages nor from calling back', async () => {
  const jobNamed = (name: string) =>
    defineJob(name, { description: name, parameters: z.object({}) })
      .stage('work', double, () => [{ key: 'one', input: { value: 1 } }])
      .finalize(() => ({}));
  let crashing = true;
  const told: string[] = [];
  const b = bench([jobNamed('stuck'), jobNamed('fine')], {
    instants: (name) => {
      if (crashing && name === 'result-stored') throw new Crash(name);
    },
    onJobComplete: async ({ jobType }) => {
      if (crashing) throw new Error('away');
      told.push(jobType);
    },
  });
  const stuck = await b.submit('stuck');
  await drainLosing(b);
  b.clock.advance(1000);
  const younger = await b.submit('fine');
  await drainLosing(b);
  crashing = false;
  b.clock.advance(60_000);
  const getStages = b.store.getStages.bind(b.store);
  b.store.getStages = (jobId, run) =>
    jobId === stuck ? Promise.reject(new Error('a row is damaged')) : getStages(jobId, run);
  await assert.rejects(b.machine.upkeep('stages'), /damaged/);
  assert.equal((await b.store.getJob(younger))?.status, 'completed');
  assert.deepEqual(told, ['fine']);
  const [row] = await b.store.listUpkeepRuns({ limit: 1 });
  assert.deepEqual([row?.scanned, row?.fixed, row?.error?.code], [2, 1, 'INTERNAL']);
  assert.deepEqual(row?.actions, [`closed stage 1 of job ${younger}`]);
  b.store.endLeasesOfDeadWorkers = async () => ['the one that died'];
  assert.equal(await b.machine.buryWorkers(1000), 1, 'nor from what follows a death');
  assert.equal(b.events.at(-1)?.event, 'Upkeep:Failed');
});

test('retention removes the rows of old jobs in small portions; what fails keeps none of its other parts from being done', async () => {
  const b = bench([sumJob(double)], { retentionDays: 1 });
  await b.submit('sum_job');
  await b.drainAll();
  b.clock.advance(31 * 24 * 3_600_000);
  await b.store.recordUpkeepRun({
    run: 'leases',
    worker: 'w',
    durationMs: 0,
    scanned: 0,
    fixed: 0,
    actions: [],
    error: null,
  });
  b.clock.advance(31 * 24 * 3_600_000);
  const { emptyEndedJobs } = b.store;
  b.store.emptyEndedJobs = () => Promise.reject(new CoreMachineError('DATABASE_UNAVAILABLE', 'statement timeout'));
  await assert.rejects(b.machine.upkeep('retention'), /statement timeout/);
  const runs = await b.store.listUpkeepRuns({ limit: 9 });
  assert.deepEqual(
    runs.map(({ run }) => run),
    ['retention'],
    'the old history is gone',
  );
  const portions: number[] = [];
  b.store.emptyEndedJobs = async (days, jobs, rows) => {
    portions.push(rows);
    return emptyEndedJobs.call(b.store, days, jobs, rows);
  };
  await b.machine.upkeep('retention');
  assert.ok(portions.length > 0 && portions.every((rows) => rows <= 2000));
  assert.deepEqual(await b.store.listJobs({ limit: 5 }), []);
});

test('upkeep tells what it did, not what others did before it or what failed', async () => {
  const b = bench([sumJob(double)]);
  const ids: string[] = [];
  for (const n of [1, 2, 3]) {
    ids.push(await b.submit('sum_job', { n }));
    await b.machine.handleJobMessage(b.queue.take()?.message.body);
    while (b.queue.take());
  }
  const [ended, stuck, overdue] = ids;
  b.clock.advance(25 * 3_600_000);
  const { finishJob } = b.store;
  b.store.finishJob = async (ref, end) => {
    if (ref.jobId === stuck) throw new CoreMachineError('STORAGE_UNAVAILABLE', 'away');
    return ref.jobId !== ended && finishJob.call(b.store, ref, end);
  };
  await assert.rejects(b.machine.upkeep('timeouts'), { code: 'STORAGE_UNAVAILABLE' });
  const [row] = await b.store.listUpkeepRuns({ limit: 1 });
  assert.deepEqual([row?.scanned, row?.fixed, row?.actions], [3, 1, [`failed job ${overdue}`]]);
});

test('an orphan whose worker ends it while upkeep is at it is not told as cancelled', async () => {
  const b = bench([sumJob(double)]);
  const jobId = await b.submit('sum_job', { n: 2 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  for (const task of [0, 1]) {
    await b.store.claimTask({ jobId, run: 1, stage: 1, task }, { worker: 'slow', leaseMs: 1000 });
  }
  await b.machine.cancel(jobId);
  b.clock.advance(2000);
  const { endAttempt } = b.store;
  b.store.endAttempt = async (ref, attempt, end) =>
    ref.task === 0 ? 'lost' : endAttempt.call(b.store, ref, attempt, end);
  assert.deepEqual(await b.machine.upkeep('leases'), {
    scanned: 2,
    fixed: 1,
    actions: [`cancelled task 1 of job ${jobId} stage 1`],
  });
});
