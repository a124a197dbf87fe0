import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StateStore, TaskRef } from '../../core/ports/state-store.ts';
import { eventually } from '../tools/poll.ts';
import {
  atOnce,
  cancelled,
  claimed,
  claimedInTime,
  completed,
  failure,
  finished,
  jobOf,
  longLease,
  newJob,
  newStage,
  newTasks,
  planned,
  retry,
  run,
  type Stores,
  submitted,
  tally,
} from './state-store-tools.ts';

const failed = { status: 'failed', result: null, error: failure, callback: false } as const;

export function testRaces(stores: Stores): void {
  describe('at the same instant', () => {
    test('50 submits of one job create it once', async () => {
      const job = newJob();
      const answers = await atOnce(stores(), 50, (store) => store.submitJob(job, { force: false }));
      assert.deepEqual(tally(answers.map(({ outcome }) => outcome)), { created: 1, existing: 49 });
      for (const answer of answers) assert.deepEqual([answer.job.run, answer.job.status], [1, 'queued']);
    });

    test('20 submits of a failed job begin one run', async () => {
      const ref = await submitted(stores().store);
      await finished(stores().store, ref, 'failed');
      const job = newJob({ jobId: ref.jobId });
      const answers = await atOnce(stores(), 20, (store) => store.submitJob(job, { force: false }));
      assert.deepEqual(tally(answers.map(({ outcome }) => outcome)), { created: 1, existing: 19 });
      for (const answer of answers) assert.equal(answer.job.run, 2);
    });

    test('20 forced submits of a completed job begin one run, the others are refused', async () => {
      const ref = await submitted(stores().store);
      await finished(stores().store, ref);
      const job = newJob({ jobId: ref.jobId });
      const answers = await atOnce(stores(), 20, (store) => store.submitJob(job, { force: true }));
      assert.deepEqual(tally(answers.map(({ outcome }) => outcome)), { created: 1, active: 19 });
      assert.equal((await jobOf(stores().store, ref)).run, 2);
    });

    test('40 jobs read and marked together, each as itself', async () => {
      const { store, other } = stores();
      const refs = await Promise.all(Array.from({ length: 40 }, (_, index) => planned(store, index + 1)));
      await Promise.all(refs.map((ref, index) => store.markTasksPublished(ref, Math.floor(index / 2))));
      const seen = await Promise.all(
        refs.map(async ({ jobId }) => ({ job: await other.getJob(jobId), stages: await other.getStages(jobId, 1) })),
      );
      seen.forEach(({ job, stages }, index) => {
        assert.equal(job?.jobId, refs[index]?.jobId);
        assert.deepEqual(
          stages.map(({ counts, published }) => [counts.total, published]),
          [[index + 1, Math.floor(index / 2)]],
        );
      });
      const [unknown, ...none] = await Promise.all([store.getJob('f'.repeat(64)), store.getStages('f'.repeat(64), 1)]);
      assert.deepEqual([unknown, ...none], [null, []]);
    });

    test('40 jobs begun, planned, advanced and ended together, by two processes in opposite orders: each once, as itself', async () => {
      const { store, other } = stores();
      const jobs = Array.from({ length: 40 }, (_, index) => newJob({ totalStages: 2, parameters: { index } }));
      const both = async <T>(act: (by: StateStore, index: number) => Promise<T>): Promise<Record<string, number>> => {
        const [up, down] = [jobs.map((_, index) => index), jobs.map((_, index) => jobs.length - 1 - index)];
        const all = (by: StateStore, indexes: number[]) => Promise.all(indexes.map((index) => act(by, index)));
        return tally((await Promise.all([all(store, up), all(other, down)])).flat().map(String));
      };
      const ref = (index: number, stage: number) => ({ jobId: String(jobs[index]?.jobId), run: 1, stage });
      // Some with more tasks than share a statement.
      const count = (index: number) => (index % 10 === 0 ? 150 : index % 4);
      const submit = async (by: StateStore, index: number) =>
        (await by.submitJob(jobs[index] ?? newJob(), { force: false })).outcome;
      assert.deepEqual(await both(submit), { created: 40, existing: 40 });
      const plan = (by: StateStore, index: number) => by.createStage(ref(index, 1), newStage(), newTasks(count(index)));
      assert.deepEqual(await both(plan), { created: 40, exists: 40 });
      for (const index of jobs.keys()) {
        const tasks = await store.listTasks(ref(index, 1).jobId, 1, { limit: 1000 });
        assert.deepEqual(
          tasks.map(({ task, key }) => [task, key]),
          newTasks(count(index)).map(({ key }, task) => [task, key]),
        );
        await Promise.all(tasks.map(({ task }) => run(store, { ...ref(index, 1), task })));
      }
      assert.deepEqual(await both((by, index) => by.advanceJob(ref(index, 1))), { true: 40, false: 40 });
      assert.deepEqual(await both((by, index) => by.createStage(ref(index, 2), newStage(), [])), {
        created: 40,
        exists: 40,
      });
      const end = { status: 'completed', error: null, callback: false } as const;
      const finish = (by: StateStore, index: number) => by.finishJob(ref(index, 2), { ...end, result: { index } });
      assert.deepEqual(await both(finish), { true: 40, false: 40 });
      for (const [index, { jobId }] of jobs.entries()) {
        const { status, parameters, result } = (await other.getJob(jobId)) ?? {};
        assert.deepEqual([status, parameters, result], ['completed', { index }, { index }]);
        const stages = await other.getStages(jobId, 1);
        assert.deepEqual(
          stages.map(({ counts }) => counts.completed),
          [count(index), 0],
        );
      }
    });

    test('two marks of one stage: the higher stays', async () => {
      const ref = await planned(stores().store, 9);
      await Promise.all([7, 3, 9, 5].map((published) => stores().store.markTasksPublished(ref, published)));
      assert.equal((await stores().store.getStages(ref.jobId, 1))[0]?.published, 9);
    });

    test('30 jobs completed together, and one with an open task: each ends, that task is cancelled', async () => {
      const { store } = stores();
      const refs = await Promise.all(Array.from({ length: 30 }, () => planned(store, 1)));
      await Promise.all(
        refs.slice(1).map(async (ref) => {
          const { attempt } = await claimed(store, { ...ref, task: 0 });
          await store.endAttempt({ ...ref, task: 0 }, attempt, completed(null));
        }),
      );
      await Promise.all(refs.map((ref) => finished(store, ref)));
      for (const [index, ref] of refs.entries()) {
        const [stage] = await store.getStages(ref.jobId, 1);
        assert.ok(stage?.completedAt);
        assert.deepEqual([stage.counts.cancelled, stage.counts.completed], index === 0 ? [1, 0] : [0, 1]);
      }
    });

    test('20 plans of one stage make it once, with the tasks of one of them', async () => {
      const ref = await submitted(stores().store);
      const answers = await atOnce(stores(), 20, (store) => store.createStage(ref, newStage(), newTasks(50)));
      assert.deepEqual(tally(answers), { created: 1, exists: 19 });
      const [stage] = await stores().store.getStages(ref.jobId, 1);
      assert.equal(stage?.counts.total, 50);
      assert.equal((await stores().store.listTasks(ref.jobId, 1, { limit: 1000 })).length, 50);
    });

    test('40 claims of one task give it to one worker', async () => {
      const task = { ...(await planned(stores().store, 1)), task: 0 };
      const answers = await atOnce(stores(), 40, (store) => store.claimTask(task, longLease));
      assert.deepEqual(tally(answers.map(({ kind }) => kind)), { claimed: 1, busy: 39 });
    });

    test('claims of many tasks, each by two processes, give each task to one', async () => {
      const ref = await planned(stores().store, 300);
      const { store, other } = stores();
      const claimAll = (by: StateStore, numbers: readonly number[]) =>
        Promise.all(numbers.map((task) => by.claimTask({ ...ref, task }, longLease)));
      const numbers = Array.from({ length: 300 }, (_, task) => task);
      // In opposite orders, so that statements that lock several tasks would meet head on.
      const [up, down] = await Promise.all([claimAll(store, numbers), claimAll(other, numbers.toReversed())]);
      assert.deepEqual(tally([...up, ...down].map(({ kind }) => kind)), { claimed: 300, busy: 300 });
      for (const [task, one] of up.entries()) {
        const two = down[299 - task];
        assert.deepEqual([one.kind, two?.kind].sort(), ['busy', 'claimed'], `task ${task}`);
      }
    });

    test('20 takeovers of an expired lease let one worker in', async () => {
      const { store } = stores();
      const task = { ...(await planned(store, 2)), task: 0 };
      await claimed(store, task, { worker: 'gone', leaseMs: 200 });
      const kinds = await eventually(async () => {
        const answers = await atOnce(stores(), 20, (one) => one.claimTask(task, longLease));
        const round = tally(answers.map(({ kind }) => kind));
        return round.claimed ? round : null;
      });
      assert.equal(kinds.claimed, 1);
      assert.equal((await store.claimTask(task, longLease)).kind, 'busy');
    });

    test('of a lost worker and its successor, one ends the task', async () => {
      const { store, other } = stores();
      const task = { ...(await planned(store, 1)), task: 0 };
      await claimed(store, task, { worker: 'slow', leaseMs: 200 });
      await claimedInTime(other, task);
      const ends = await Promise.all([
        ...Array.from({ length: 10 }, () => store.endAttempt(task, 1, completed('slow'))),
        ...Array.from({ length: 10 }, () => other.endAttempt(task, 2, completed('quick'))),
      ]);
      assert.deepEqual(ends.slice(0, 10), Array(10).fill('lost'));
      assert.deepEqual(tally(ends.slice(10)), { completed: 1, lost: 9 });
      assert.deepEqual((await store.resultPage(task, -1, 10))[0]?.output, 'quick');
    });

    test('however the last tasks end together, one caller advances the stage, once', async () => {
      for (let round = 0; round < 5; round += 1) {
        const { store, other } = stores();
        const ref = await planned(store, 20);
        const work = async (by: StateStore, task: TaskRef) => {
          await run(by, task);
          if (await by.hasOpenTasks(ref)) return false;
          return by.advanceJob(ref);
        };
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, task) => work(task % 2 === 0 ? store : other, { ...ref, task })),
        );
        assert.deepEqual(tally(answers), { true: 1, false: 19 });
        assert.equal((await jobOf(store, ref)).stage, 2);
      }
    });

    test('20 callers that all see the stage done: one advances it', async () => {
      const ref = await planned(stores().store, 1, { job: { totalStages: 9 } });
      await run(stores().store, { ...ref, task: 0 });
      const answers = await atOnce(stores(), 20, (store) => store.advanceJob(ref));
      assert.deepEqual(tally(answers), { true: 1, false: 19 });
      assert.equal((await jobOf(stores().store, ref)).stage, 2);
    });

    test('20 ends of one job: one is kept', async () => {
      const ref = await planned(stores().store, 1);
      const answers = await atOnce(stores(), 20, (store) => store.finishJob(ref, failed));
      assert.deepEqual(tally(answers), { true: 1, false: 19 });
    });

    test('a job that is advanced and ended at once does one of the two, completely', async () => {
      const { store, other } = stores();
      const outcomes: string[] = [];
      for (let round = 0; round < 10; round += 1) {
        const ref = await planned(store, 0);
        const [advanced, ended] = await Promise.all([store.advanceJob(ref), other.finishJob(ref, failed)]);
        const { stage, status } = await jobOf(store, ref);
        assert.deepEqual([stage, status], advanced ? [2, 'processing'] : [1, 'failed']);
        assert.equal(ended, !advanced);
        outcomes.push(status);
      }
      assert.equal(outcomes.length, 10);
    });

    test('a job that is planned and ended at once leaves no open task behind', async () => {
      const { store, other } = stores();
      for (let round = 0; round < 10; round += 1) {
        const ref = await submitted(store);
        const [made, ended] = await Promise.all([
          store.createStage(ref, newStage(), newTasks(500)),
          other.finishJob(ref, failed),
        ]);
        assert.equal(ended, true);
        assert.equal(await store.hasOpenTasks(ref), false);
        const [stage] = await store.getStages(ref.jobId, 1);
        assert.equal(stage?.counts.cancelled, made === 'created' ? 500 : undefined);
        assert.equal((await jobOf(store, ref)).status, 'failed');
      }
    });

    test('claims while the job ends: each task is either cancelled or somebody has it', async () => {
      const { store, other } = stores();
      const ref = await planned(store, 200);
      const claims = Array.from({ length: 200 }, (_, task) => store.claimTask({ ...ref, task: 199 - task }, longLease));
      const [answers] = await Promise.all([Promise.all(claims), other.finishJob(ref, failed)]);
      const taken = answers.filter(({ kind }) => kind === 'claimed').length;
      const [stage] = await store.getStages(ref.jobId, 1);
      assert.deepEqual([stage?.counts.processing, stage?.counts.cancelled], [taken, 200 - taken]);
      assert.equal(stage?.counts.queued, 0);
    });

    test('retries while the job ends: none stays open', async () => {
      const { store, other } = stores();
      for (let round = 0; round < 5; round += 1) {
        const ref = await planned(store, 30);
        await Promise.all(Array.from({ length: 30 }, (_, task) => claimed(store, { ...ref, task })));
        const ends = Array.from({ length: 30 }, (_, task) => store.endAttempt({ ...ref, task }, 1, retry(60_000)));
        const [stored] = await Promise.all([Promise.all(ends), other.finishJob(ref, failed)]);
        assert.ok(stored.every((status) => status === 'retrying' || status === 'cancelled'));
        const [stage] = await store.getStages(ref.jobId, 1);
        assert.equal(stage?.counts.cancelled, 30);
        assert.equal(await store.hasOpenTasks(ref), false);
      }
    });

    test('many jobs worked on by two processes at once all come to their end', { timeout: 60_000 }, async () => {
      const pair = stores();
      const jobs = await Promise.all(Array.from({ length: 12 }, (_, job) => planned(pair.store, 15 + job)));
      const refs = jobs.flatMap((ref, job) => Array.from({ length: 15 + job }, (_, task) => ({ ...ref, task })));
      const worker = async (by: StateStore, mine: readonly TaskRef[]) => {
        const advanced: boolean[] = [];
        for (const ref of mine) {
          const claim = await by.claimTask(ref, longLease);
          if (claim.kind !== 'claimed') continue;
          await by.endAttempt(ref, claim.task.attempt, completed(ref.task));
          if (!(await by.hasOpenTasks(ref))) advanced.push(await by.advanceJob(ref));
        }
        return advanced.filter(Boolean).length;
      };
      const orders = [
        refs,
        refs.toReversed(),
        refs.toSorted((a, b) => a.task - b.task || (a.jobId < b.jobId ? 1 : -1)),
      ];
      const advanced = await Promise.all(
        Array.from({ length: 9 }, (_, n) => worker(n % 2 === 0 ? pair.store : pair.other, orders[n % 3] ?? [])),
      );
      assert.equal(
        advanced.reduce((sum, count) => sum + count, 0),
        jobs.length,
      );
      for (const [job, ref] of jobs.entries()) {
        const [stage] = await pair.store.getStages(ref.jobId, 1);
        assert.equal(stage?.counts.completed, 15 + job);
        assert.deepEqual(stage?.counts.cancelled, 0);
      }
    });

    test('renewals, ends and a cancellation of the same tasks leave every task in one end state', async () => {
      const { store, other } = stores();
      const ref = await planned(store, 40);
      await Promise.all(Array.from({ length: 40 }, (_, task) => claimed(store, { ...ref, task })));
      const each = async (task: number) => {
        const by = task % 2 === 0 ? store : other;
        const lease = by.renewLease({ ...ref, task }, { attempt: 1, leaseMs: 60_000, progress: 0.5 });
        const end = by.endAttempt(
          { ...ref, task },
          1,
          task % 3 ? completed(task) : { status: 'cancelled', error: cancelled },
        );
        return [await lease, await end] as const;
      };
      const [answers] = await Promise.all([
        Promise.all(Array.from({ length: 40 }, (_, task) => each(task))),
        other.finishJob(ref, { ...failed, status: 'cancelled' }),
      ]);
      for (const [lease, ended] of answers) {
        assert.ok(['held', 'cancelled', 'lost'].includes(lease));
        assert.ok(ended === 'completed' || ended === 'cancelled');
      }
      const [stage] = await store.getStages(ref.jobId, 1);
      assert.deepEqual([stage?.counts.completed, stage?.counts.cancelled], [26, 14]);
    });
  });
}
