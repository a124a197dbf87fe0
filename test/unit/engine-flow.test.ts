import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler } from '../../core/handler.ts';
import { defineJob } from '../../core/job.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { eventually } from '../tools/poll.ts';
import { bench, numberHandler, sumHandler, sumJob } from './engine-tools.ts';

const double = numberHandler('double', (value) => value * 2);

test('a job runs through its stages and stores a result between job_type and the tail', async () => {
  const { job, stages } = await runJob(sumJob(double), { n: 4 });
  assert.equal(job.status, 'completed');
  assert.deepEqual(Object.keys(job.result ?? {}), [
    'job_type',
    'sum',
    'numbers',
    'stages_completed',
    'total_tasks_executed',
    'tasks_by_status',
  ]);
  assert.deepEqual(job.result?.numbers, [0, 2, 4, 6]);
  assert.equal(job.result?.sum, 12);
  assert.deepEqual(job.result?.tasks_by_status, { completed: 5, failed: 0 });
  assert.deepEqual(
    stages.map(({ name, counts }) => [name, counts.completed]),
    [
      ['work', 4],
      ['sum', 1],
    ],
  );
});

test('results come in task order, not in the order of their text: 2 before 10', async () => {
  const { job } = await runJob(sumJob(double), { n: 12 });
  assert.deepEqual(
    job.result?.numbers,
    Array.from({ length: 12 }, (_, value) => value * 2),
  );
});

test('a stage without tasks completes at once', async () => {
  const { job } = await runJob(sumJob(double), { n: 0 });
  assert.equal(job.status, 'completed');
  assert.equal(job.result?.sum, 0);
});

test('a fan-in whose input is null is skipped and its results are empty', async () => {
  const skipping = defineJob('skipping', { description: 'for tests', parameters: z.object({}) })
    .stage('work', double, () => [{ key: 'one', input: { value: 1 } }])
    .fanIn('sum', sumHandler, () => null)
    .finalize(async ({ results }) => ({ sums: (await results.sum.all()).length }));
  const { job } = await runJob(skipping, {});
  assert.equal(job.status, 'completed');
  assert.equal(job.result?.sums, 0);
  assert.equal(job.result?.stages_completed, 2);
});

test('a retryable error is tried three more times after 5, 10 and 20 s, then fails the job with its code', async () => {
  const attempts: number[] = [];
  const failing = numberHandler('failing', (_value, attempt) => {
    attempts.push(attempt);
    throw new CoreMachineError('STORAGE_UNAVAILABLE', 'storage is away');
  });
  const b = bench([sumJob(failing)]);
  const jobId = await b.submit('sum_job', { n: 1 });
  const waits: number[] = [];
  await b.drain();
  for (let due = b.queue.nextDue(); due !== null; due = b.queue.nextDue()) {
    waits.push((due - b.clock.now()) / 1000);
    b.clock.advance(due - b.clock.now());
    await b.drain();
  }
  const job = await b.store.getJob(jobId);
  assert.deepEqual(attempts, [1, 2, 3, 4]);
  assert.deepEqual(waits, [5, 10, 20]);
  assert.equal(job?.status, 'failed');
  assert.equal(job?.error?.code, 'STORAGE_UNAVAILABLE');
  assert.match(job?.error?.message ?? '', /stage work, task n0: storage is away/);
});

test('a permanent error is not retried', async () => {
  let calls = 0;
  const failing = numberHandler('failing', () => {
    calls += 1;
    throw new CoreMachineError('CRS_MISSING', 'no CRS');
  });
  const { job } = await runJob(sumJob(failing), { n: 1 });
  assert.equal(calls, 1);
  assert.equal(job.error?.code, 'CRS_MISSING');
});

test('an error without a code is HANDLER_FAILED and is retried', async () => {
  const failing = numberHandler('failing', (value, attempt) => {
    if (attempt < 3) throw new TypeError('oops');
    return value;
  });
  const { job, store } = await runJob(sumJob(failing), { n: 2 });
  assert.equal(job.status, 'completed');
  const tasks = await store.listTasks(job.jobId, 1, { stage: 1, limit: 10 });
  assert.deepEqual(
    tasks.map(({ attempt }) => attempt),
    [3, 3],
  );
});

test('policy fail: the job fails at once, tasks that have not started are cancelled', async () => {
  const seen: number[] = [];
  const failing = numberHandler('failing', (value) => {
    seen.push(value);
    if (value === 1) throw new CoreMachineError('CRS_MISSING', 'no CRS');
    return value;
  });
  const { job, stages } = await runJob(sumJob(failing), { n: 5 });
  assert.equal(job.status, 'failed');
  assert.deepEqual(seen, [0, 1]);
  assert.deepEqual(stages[0]?.counts, { total: 5, queued: 0, processing: 0, completed: 1, failed: 1, cancelled: 3 });
});

test('policy continue: the rest goes on and the job ends completed_with_errors', async () => {
  const failing = numberHandler('failing', (value) => {
    if (value === 1) throw new CoreMachineError('CRS_MISSING', 'no CRS');
    return value;
  });
  const { job } = await runJob(sumJob(failing, { onFailure: 'continue' }), { n: 4 });
  assert.equal(job.status, 'completed_with_errors');
  assert.equal(job.result?.sum, 5);
  assert.deepEqual(job.result?.tasks_by_status, { completed: 4, failed: 1 });
});

test('policy continue: when all failed the job fails and names the first', async () => {
  const failing = numberHandler('failing', (value) => {
    throw new CoreMachineError('CRS_MISSING', `no CRS in ${value}`);
  });
  const { job } = await runJob(sumJob(failing, { onFailure: 'continue' }), { n: 3 });
  assert.equal(job.status, 'failed');
  assert.equal(job.error?.code, 'ALL_TASKS_FAILED');
  assert.match(job.error?.message ?? '', /all 3 tasks of stage work failed; the first: no CRS in 0/);
});

test('errors in planning and finalising fail the job with their code', async () => {
  const base = () => defineJob('broken', { description: 'for tests', parameters: z.object({}) });
  const planning = base()
    .stage('work', double, () => {
      throw new Error('cannot plan');
    })
    .finalize(() => ({}));
  const finalising = base()
    .stage('work', double, () => [{ key: 'a', input: { value: 1 } }])
    .finalize(() => {
      throw new Error('cannot finalise');
    });
  assert.equal((await runJob(planning, {})).job.error?.code, 'PLAN_FAILED');
  const ended = await runJob(finalising, {});
  assert.equal(ended.job.status, 'failed');
  assert.equal(ended.job.error?.code, 'FINALIZE_FAILED');
});

test('plans are checked: keys used twice, malformed keys, inputs the handler does not take', async () => {
  const planned = (tasks: readonly { key: string; input: { value: number } }[]) =>
    defineJob('planned', { description: 'for tests', parameters: z.object({}) })
      .stage('work', double, () => tasks)
      .finalize(() => ({}));
  const wrong = { value: 'text' as unknown as number };
  for (const tasks of [
    [
      { key: 'a', input: { value: 1 } },
      { key: 'a', input: { value: 2 } },
    ],
    [{ key: '../a', input: { value: 1 } }],
    [{ key: 'a', input: wrong }],
  ]) {
    assert.equal((await runJob(planned(tasks), {})).job.error?.code, 'PLAN_INVALID');
  }
});

test('a job of 50 stages, each working on what the one before it returned', async () => {
  type Chain = ReturnType<typeof firstStage>;
  const firstStage = () =>
    defineJob('deep', { description: 'for tests', parameters: z.object({}) }).stage('stage_1', double, () => [
      { key: 'a', input: { value: 1 } },
    ]);
  const increment = numberHandler('increment', (value) => value + 1);
  let chain = firstStage();
  for (let number = 2; number <= 50; number += 1) {
    chain = chain.fanOut(`stage_${number}`, increment, async ({ previous }) => [
      { key: 'a', input: await previous.only() },
    ]) as unknown as Chain;
  }
  const deep = chain.finalize(async ({ results }) => {
    const { stage_1, stage_50 } = results as typeof results & { readonly stage_50: typeof results.stage_1 };
    return { first: (await stage_1.only()).value, last: (await stage_50.only()).value };
  });
  const { job, stages } = await runJob(deep, {});
  assert.equal(job.status, 'completed');
  assert.deepEqual([job.result?.first, job.result?.last, job.result?.stages_completed], [2, 51, 50]);
  assert.ok(stages.every(({ completedAt, counts }) => completedAt && counts.completed === 1));
});

test('finalize sees the ends of stages, also of the last and of an empty one, that are told of them for ever', async () => {
  const job = defineJob('timed', { description: 'for tests', parameters: z.object({}) })
    .stage('work', double, () => [1, 2].map((value) => ({ key: `n${value}`, input: { value } })))
    .fanOut('more', double, () => [{ key: 'one', input: { value: 1 } }])
    .fanIn('empty', sumHandler, () => null)
    .finalize(async ({ stages }) => {
      const seen = stages.map(({ completedAt }) => completedAt?.toISOString() ?? null);
      // The end of the job is later than that of its last stage.
      const now = Date.now();
      await eventually(() => Date.now() > now + 2, { intervalMs: 1 });
      return { seen };
    });
  const { job: ended, stages } = await runJob(job, {});
  assert.deepEqual(
    ended.result?.seen,
    stages.map(({ completedAt }) => completedAt?.toISOString()),
  );
  assert.ok(
    ended.completedAt && stages.every(({ completedAt }) => completedAt && completedAt < (ended.completedAt ?? 0)),
  );
});

test('a stage of more than 100,000 tasks is refused before it is stored', async () => {
  const { job, stages } = await runJob(sumJob(double), { n: 100_001 });
  assert.equal(job.error?.code, 'TOO_MANY_TASKS');
  assert.equal(stages.length, 0);
});

test("a task's result is checked: schema, 1 MiB, U+0000", async () => {
  const ended = async (output: z.ZodType, answer: unknown) => {
    const answering = defineHandler('answering', {
      description: 'for tests',
      input: z.object({}),
      output,
      run: async () => answer,
    });
    const job = defineJob('answering', { description: 'for tests', parameters: z.object({}) })
      .stage('work', answering, () => [{ key: 'a', input: {} }])
      .finalize(() => ({}));
    const { status, error } = (await runJob(job, {})).job;
    return error?.code ?? status;
  };
  assert.equal(await ended(z.number(), 'no number'), 'RESULT_INVALID');
  // As JSON a text of ASCII takes its quotes more.
  const longest = 1024 * 1024 - 2;
  assert.equal(await ended(z.string(), 'x'.repeat(longest)), 'completed');
  assert.equal(await ended(z.string(), 'x'.repeat(longest + 1)), 'RESULT_TOO_LARGE');
  assert.equal(await ended(z.string(), 'é'.repeat(longest / 2 + 1)), 'RESULT_TOO_LARGE', 'bytes, not characters');
  assert.equal(await ended(z.string(), 'a\0b'), 'RESULT_INVALID');
  assert.equal(await ended(z.json(), [{ deep: ['\0'] }]), 'RESULT_INVALID');
  assert.equal(await ended(z.json(), { 'key\0': 1 }), 'RESULT_INVALID');
});

test("a job's result is checked: 1 MiB", async () => {
  const large = defineJob('large', { description: 'for tests', parameters: z.object({}) })
    .stage('work', double, () => [{ key: 'a', input: { value: 1 } }])
    .finalize(() => ({ text: 'x'.repeat(1024 * 1024) }));
  assert.equal((await runJob(large, {})).job.error?.code, 'RESULT_TOO_LARGE');
});

test('a fan-in of an earlier stage receives its results, also when the stage between has no task', async () => {
  const job = defineJob('reading_back', { description: 'for tests', parameters: z.object({}) })
    .stage('work', double, () => [1, 2, 3].map((value) => ({ key: `n${value}`, input: { value } })))
    .fanIn('skipped', sumHandler, () => null)
    .fanInOf('work', 'sum', sumHandler, () => ({ start: 100 }))
    .finalize(async ({ results }) => ({ sum: (await results.sum.only()).value }));
  assert.equal((await runJob(job, {})).job.result?.sum, 112);
});

test('finalize sees which tasks failed and why, in task order, and how many results there are', async () => {
  const odd = numberHandler('odd', (value) => {
    if (value % 2 === 0) throw new CoreMachineError('FILE_UNREADABLE', `not ${value}`);
    return value;
  });
  const tasks = Array.from({ length: 1_200 }, (_, value) => ({ key: `n${value}`, input: { value } }));
  const job = defineJob('failing', { description: 'for tests', parameters: z.object({}) })
    .stage('work', odd, () => tasks, { onFailure: 'continue' })
    .finalize(async ({ failures, results }) => ({
      count: await results.work.count(),
      all: (await failures('work', 5_000)).map(({ number }) => number),
      first: (await failures('work', 2)).map(({ key, error }) => `${key} ${error.code} ${error.message}`),
    }));
  const { result, status } = (await runJob(job, {})).job;
  assert.equal(status, 'completed_with_errors');
  assert.equal(result?.count, 600);
  assert.deepEqual(
    result?.all,
    Array.from({ length: 600 }, (_, index) => 2 * index),
  );
  assert.deepEqual(result?.first, ['n0 FILE_UNREADABLE not 0', 'n2 FILE_UNREADABLE not 2']);
});
