import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import { type InstantName, instantNames } from '../../core/instants.ts';
import type { JobCompletion } from '../../core/machine/engine.ts';
import { eventually } from '../tools/poll.ts';
import { type Bench, bench, Crash, drainLosing, numberHandler, sumJob } from './engine-tools.ts';

const double = numberHandler('double', (value) => value * 2);

/** Runs upkeep and messages, letting time pass, until the job ends: what a healthy fleet does after a crash. */
async function recover(b: Bench, jobId: string): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    await b.drainAll();
    const job = await b.store.getJob(jobId);
    if (job && job.status !== 'queued' && job.status !== 'processing') return;
    b.clock.advance(6 * 60_000);
    for (const run of ['republish', 'leases', 'stages'] as const) await b.machine.upkeep(run);
  }
}

/** Reached only when an attempt is to be made again, or something was lost: tested by themselves. */
const special: readonly InstantName[] = ['retry-stored', 'tasks-taken', 'workers-buried'];
const onTheWayOfEveryJob = instantNames.filter((name) => !special.includes(name));

for (const instant of onTheWayOfEveryJob) {
  test(`a worker that dies at ${instant}, its message lost with it: the job completes, once`, async () => {
    let armed = true;
    const completions: JobCompletion[] = [];
    const b = bench([sumJob(double)], {
      instants: (name: InstantName) => {
        if (name !== instant || !armed) return;
        armed = false;
        throw new Crash(name);
      },
      onJobComplete: async (completion) => void completions.push(completion),
    });
    const jobId = await b.submit('sum_job', { n: 5 }).catch(async (error: unknown) => {
      if (!(error instanceof Crash)) throw error;
      return (await b.store.listJobs({ limit: 1 }))[0]?.jobId ?? '';
    });
    await drainLosing(b);
    assert.equal(armed, false, 'it died there');
    await recover(b, jobId);
    b.clock.advance(60_000);
    await b.machine.upkeep('stages');
    const job = await b.store.getJob(jobId);
    assert.equal(job?.status, 'completed');
    assert.equal(job?.result?.sum, 20);
    assert.equal(completions.length, instant === 'callback-called' ? 2 : 1, 'again only if nobody knows that it came');
    const tasks = await b.store.listTasks(jobId, 1, { limit: 100 });
    assert.deepEqual(
      tasks.map(({ status }) => status),
      Array(6).fill('completed'),
    );
  });
}

test('a worker that dies at retry-stored, its message lost with it: the retry runs', async () => {
  let crashed = false;
  const flaky = numberHandler('flaky', (value, attempt) => {
    if (attempt === 1) throw new CoreMachineError('STORAGE_UNAVAILABLE', 'away');
    return value;
  });
  const b = bench([sumJob(flaky)], {
    instants: (name) => {
      if (name !== 'retry-stored' || crashed) return;
      crashed = true;
      throw new Crash(name);
    },
  });
  const jobId = await b.submit('sum_job', { n: 2 });
  await drainLosing(b);
  assert.ok(crashed, 'it died there');
  await recover(b, jobId);
  assert.equal((await b.store.getJob(jobId))?.result?.sum, 1);
});

test('with every message lost that the engine sends by itself, the reconciler alone finishes the job', async () => {
  const b = bench([sumJob(double)]);
  const jobId = await b.submit('sum_job', { n: 7 });
  while (b.queue.take()) {
    // lost
  }
  let upkeepSends = true;
  const { sendJobMessages, sendTaskMessages } = b.queue;
  b.queue.sendJobMessages = async (messages) => (upkeepSends ? sendJobMessages.call(b.queue, messages) : undefined);
  b.queue.sendTaskMessages = async (messages) => (upkeepSends ? sendTaskMessages.call(b.queue, messages) : undefined);
  for (let round = 0; round < 10; round += 1) {
    b.clock.advance(6 * 60_000);
    upkeepSends = true;
    for (const run of ['republish', 'leases', 'stages'] as const) await b.machine.upkeep(run);
    upkeepSends = false;
    await b.drain();
  }
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
});

test('every message delivered three times: each task runs once and the job ends once', async () => {
  const runs: number[] = [];
  let completions = 0;
  const counting = numberHandler('counting', (value) => {
    runs.push(value);
    return value;
  });
  const b = bench([sumJob(counting)], {
    onJobComplete: async () => {
      completions += 1;
    },
  });
  const jobId = await b.submit('sum_job', { n: 6 });
  for (let next = b.queue.take(); next; next = b.queue.take()) {
    for (let copy = 0; copy < 3; copy += 1) {
      if (next.queue === 'jobs') await b.machine.handleJobMessage(next.message.body);
      else await b.machine.handleTaskMessage(next.message.body);
    }
  }
  assert.deepEqual(runs.sort(), [0, 1, 2, 3, 4, 5]);
  assert.equal((await b.store.getJob(jobId))?.result?.sum, 15);
  assert.equal(completions, 1);
});

test('the last tasks finish at the same instant: the stage advances once', async () => {
  let finish = () => {};
  const gate = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const waiting = numberHandler('waiting', async (value) => {
    await gate;
    return value;
  });
  const b = bench([sumJob(waiting)]);
  const jobId = await b.submit('sum_job', { n: 20 });
  const first = b.queue.take();
  await b.machine.handleJobMessage(first?.message.body);
  const running: Promise<void>[] = [];
  for (let next = b.queue.take(); next; next = b.queue.take())
    running.push(b.machine.handleTaskMessage(next.message.body));
  finish();
  await Promise.all(running);
  assert.equal(b.queue.length, 1, 'one message for the next stage');
  assert.equal(b.events.filter(({ event }) => event === 'Stage:Completed').length, 1);
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
});

test('fencing: a worker that lost its lease cannot overwrite its successor', async () => {
  const b = bench([sumJob(double)]);
  const jobId = await b.submit('sum_job', { n: 1 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  const ref = { jobId, run: 1, stage: 1, task: 0 };
  const slow = await b.store.claimTask(ref, { worker: 'slow', leaseMs: 1000 });
  assert.equal(slow.kind, 'claimed');
  b.clock.advance(1001);
  const quick = await b.store.claimTask(ref, { worker: 'quick', leaseMs: 1000 });
  assert.equal(quick.kind === 'claimed' && quick.task.attempt, 2);
  assert.equal(await b.store.renewLease(ref, { attempt: 1, leaseMs: 1000, progress: null }), 'lost');
  assert.equal(await b.store.endAttempt(ref, 1, { status: 'completed', result: { value: 666 } }), 'lost');
  assert.equal(await b.store.endAttempt(ref, 2, { status: 'completed', result: { value: 0 } }), 'completed');
  const page = await b.store.resultPage(ref, -1, 10);
  assert.deepEqual(
    page.map(({ output }) => output),
    [{ value: 0 }],
  );
});

test('a message for a task that somebody else holds comes back when the lease would be over', async () => {
  const b = bench([sumJob(double)]);
  const jobId = await b.submit('sum_job', { n: 1 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  const message = b.queue.take()?.message.body;
  await b.store.claimTask({ jobId, run: 1, stage: 1, task: 0 }, { worker: 'other', leaseMs: 20_000 });
  await b.machine.handleTaskMessage(message);
  assert.equal(b.queue.nextDue(), b.clock.now() + 20_000);
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed', 'the dead worker was replaced without upkeep');
});

test('a task whose workers die in every attempt fails with WORKER_LOST', async () => {
  const b = bench([sumJob(double)]);
  const jobId = await b.submit('sum_job', { n: 1 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  const ref = { jobId, run: 1, stage: 1, task: 0 };
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await b.store.claimTask(ref, { worker: `dies-${attempt}`, leaseMs: 1000 });
    b.clock.advance(1001);
  }
  await b.machine.upkeep('leases');
  await b.drainAll();
  const job = await b.store.getJob(jobId);
  assert.equal(job?.status, 'failed');
  assert.equal(job?.error?.code, 'WORKER_LOST');
});

test('five runs of upkeep with nobody receiving send one message for a lost worker, and count one fix', async () => {
  const b = bench([sumJob(double)]);
  const jobId = await b.submit('sum_job', { n: 1 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  b.queue.take();
  await b.store.claimTask({ jobId, run: 1, stage: 1, task: 0 }, { worker: 'dies', leaseMs: 1000 });
  const fixed: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    b.clock.advance(30_000);
    fixed.push((await b.machine.upkeep('leases')).fixed);
  }
  assert.deepEqual([fixed, b.queue.length], [[1, 0, 0, 0, 0], 1]);
  b.queue.take();
  b.clock.advance(5 * 60_000);
  // The mark of a message that is sent again is of the real clock's milliseconds.
  const sentAt = Date.now();
  await eventually(() => Date.now() > sentAt + 1, { intervalMs: 1 });
  assert.equal((await b.machine.upkeep('leases')).fixed, 1, 'that one may be lost too');
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
});

test('cancel: queued tasks never start, the running handler gets its signal', async () => {
  let reason: unknown;
  let started = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const patient = numberHandler('patient', async (_value, _attempt, signal) => {
    started();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    reason = signal.reason;
    throw signal.reason;
  });
  const b = bench([sumJob(patient)], { leaseMs: 30 });
  const jobId = await b.submit('sum_job', { n: 3 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  const work = b.machine.handleTaskMessage(b.queue.take()?.message.body);
  await running;
  await b.machine.cancel(jobId);
  await work;
  await b.drainAll();
  assert.ok(reason instanceof CoreMachineError && reason.code === 'CANCELLED');
  const tasks = await b.store.listTasks(jobId, 1, { limit: 10 });
  assert.deepEqual(
    tasks.map(({ status }) => status),
    ['cancelled', 'cancelled', 'cancelled'],
  );
  assert.equal((await b.store.getJob(jobId))?.status, 'cancelled');
  await assert.rejects(b.machine.cancel(jobId), { code: 'JOB_NOT_ACTIVE' });
});

test('a handler that takes longer than its limit is told to stop and retried with TIMEOUT', async () => {
  const signals: AbortSignal[] = [];
  const endless = numberHandler('endless', (_value, attempt, signal) => {
    signals.push(signal);
    return attempt === 1 ? new Promise<number>(() => {}) : 1;
  });
  const limited = { ...endless, limits: { attempts: 4, timeoutSeconds: 0.05 } };
  const b = bench([sumJob(limited)]);
  const jobId = await b.submit('sum_job', { n: 1 });
  await b.drainAll();
  assert.equal((signals[0]?.reason as CoreMachineError | undefined)?.code, 'TIMEOUT');
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
});

test('a host that shuts down hands its tasks back at once', async () => {
  const shutdown = new AbortController();
  const endless = numberHandler('endless', (_value, attempt) => (attempt === 1 ? new Promise<number>(() => {}) : 1));
  const b = bench([sumJob(endless)]);
  const jobId = await b.submit('sum_job', { n: 1 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  const work = b.machine.handleTaskMessage(b.queue.take()?.message.body, shutdown.signal);
  shutdown.abort();
  await work;
  assert.equal(b.queue.nextDue(), b.clock.now());
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
});

test('however often hosts shut down, a task has its four attempts', async () => {
  let shutdown = new AbortController();
  let failures = 0;
  const interrupted = numberHandler('interrupted', (_value, attempt) => {
    if (attempt % 3 === 0) {
      failures += 1;
      if (failures < 4) throw new CoreMachineError('STORAGE_UNAVAILABLE', 'away');
      return 1;
    }
    setTimeout(() => shutdown.abort());
    return new Promise<number>(() => {});
  });
  const b = bench([sumJob(interrupted)]);
  const jobId = await b.submit('sum_job', { n: 1 });
  await b.machine.handleJobMessage(b.queue.take()?.message.body);
  const delays: number[] = [];
  for (let attempt = 1; attempt <= 12; attempt += 1) {
    shutdown = new AbortController();
    const delay = Math.max(0, (b.queue.nextDue() ?? 0) - b.clock.now());
    delays.push(delay / 1000);
    b.clock.advance(delay);
    await b.machine.handleTaskMessage(b.queue.take()?.message.body, shutdown.signal);
  }
  assert.equal(failures, 4);
  await b.drainAll();
  const job = await b.store.getJob(jobId);
  assert.deepEqual([job?.status, job?.error], ['completed', null]);
  const [task] = await b.store.listTasks(jobId, 1, { limit: 1 });
  assert.deepEqual([task?.attempt, task?.handedBack], [12, 8]);
  // The first failure is of an attempt that nobody looks up: two of the three were handed back.
  assert.deepEqual(delays, [0, 0, 0, 20, 0, 0, 10, 0, 0, 20, 0, 0]);
});

test('a retry in a job that has ended meanwhile is told as cancelled, and no message is sent for it', async () => {
  let cancel = async () => {};
  const unlucky = numberHandler('unlucky', async () => {
    await cancel();
    throw new CoreMachineError('STORAGE_UNAVAILABLE', 'away');
  });
  const b = bench([sumJob(unlucky)]);
  const jobId = await b.submit('sum_job', { n: 1 });
  cancel = async () => void (await b.machine.cancel(jobId));
  await b.drain();
  assert.equal(b.queue.length, 0);
  assert.ok(!b.events.some(({ event }) => event === 'Task:Retried'));
  assert.equal((await b.store.listTasks(jobId, 1, { limit: 1 }))[0]?.status, 'cancelled');
});

test('a callback that throws changes nothing of the job and is called again', async () => {
  let calls = 0;
  const b = bench([sumJob(double)], {
    onJobComplete: async () => {
      calls += 1;
      if (calls < 3) throw new Error('the receiver is away');
    },
  });
  const jobId = await b.submit('sum_job');
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
  const reports = [];
  for (let round = 0; round < 4; round += 1) {
    b.clock.advance(60_000);
    const { scanned, fixed, actions } = await b.machine.upkeep('stages');
    reports.push([scanned, fixed, actions.length]);
  }
  assert.equal(calls, 3);
  assert.deepEqual(
    reports,
    [
      [1, 0, 0],
      [1, 1, 1],
      [0, 0, 0],
      [0, 0, 0],
    ],
    'told only when it was',
  );
});

test('messages that are not ours are refused with a code', async () => {
  const b = bench([sumJob(double)]);
  for (const body of [null, 'text', {}, { job_id: 'x', run: 1, stage: 1, correlation_id: '' }]) {
    await assert.rejects(b.machine.handleJobMessage(body), { code: 'BAD_MESSAGE' });
    await assert.rejects(b.machine.handleTaskMessage(body), { code: 'BAD_MESSAGE' });
  }
});

test('the receiver is told of a run that was followed by another before it was told', async () => {
  const told: (readonly [string, unknown])[] = [];
  let away = true;
  const b = bench([sumJob(double)], {
    onJobComplete: async ({ status, result }) => {
      if (away) throw new Error('the receiver is away');
      told.push([status, result?.sum]);
    },
  });
  const jobId = await b.submit('sum_job');
  await b.machine.cancel(jobId);
  await b.machine.retry(jobId, { fromStart: false, correlationId: 'again' });
  await b.drainAll();
  away = false;
  b.clock.advance(60_000);
  const { fixed } = await b.machine.upkeep('stages');
  const { result } = (await b.store.getJob(jobId)) ?? {};
  assert.deepEqual(told.toSorted(), [
    ['cancelled', undefined],
    ['completed', result?.sum],
  ]);
  assert.equal(fixed, 2);
  b.clock.advance(60_000);
  assert.equal((await b.machine.upkeep('stages')).scanned, 0);
});
