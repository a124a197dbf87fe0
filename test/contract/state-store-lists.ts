import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobFilter, JobSummary, StateStore, TaskFilter } from '../../core/ports/state-store.ts';
import { eventually } from '../tools/poll.ts';
import {
  claimed,
  failure,
  finished,
  newStage,
  newTasks,
  planned,
  run,
  runAll,
  type Stores,
  submitted,
} from './state-store-tools.ts';

export function testLists(stores: Stores): void {
  describe('lists', () => {
    test('jobs come newest first, each on one page, also those of one millisecond', async () => {
      const { store } = stores();
      const jobType = 'list_paging';
      const refs = await Promise.all(Array.from({ length: 23 }, () => submitted(store, { jobType })));
      const jobs = await allJobs(store, { jobType, limit: 4 });
      assert.deepEqual(jobs.map(({ jobId }) => jobId).sort(), refs.map(({ jobId }) => jobId).sort());
      const sorted = jobs.toSorted(
        (a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.jobId < b.jobId ? 1 : -1),
      );
      assert.deepEqual(jobs, sorted);
      assert.deepEqual(await allJobs(store, { jobType, limit: 1000 }), jobs);
    });

    test('a job that comes while somebody turns the pages does not shift them', async () => {
      const { store } = stores();
      const jobType = 'list_growing';
      await Promise.all(Array.from({ length: 6 }, () => submitted(store, { jobType })));
      const [newest, , third] = await store.listJobs({ jobType, limit: 3 });
      assert.ok(newest && third);
      // Within one millisecond the ids decide, and a new job may come after an older one.
      await eventually(() => Date.now() > newest.createdAt.getTime() + 2);
      await submitted(store, { jobType });
      const rest = await store.listJobs({ jobType, limit: 10, after: third });
      assert.equal(rest.length, 3);
      assert.ok(rest.every(({ createdAt }) => createdAt <= third.createdAt));
    });

    test('a list leaves out what may be large', async () => {
      const { store } = stores();
      const jobType = 'list_large';
      const ref = await submitted(store, { jobType, parameters: { text: 'x'.repeat(1000) } });
      await finished(store, ref);
      const { parameters: _, metadata: __, result: ___, ...rest } = (await store.getJob(ref.jobId)) ?? assert.fail();
      assert.deepEqual(await store.listJobs({ jobType, limit: 10 }), [rest]);
    });

    test('by status, by type, since a time, and by all of them', async () => {
      const { store } = stores();
      const jobType = 'list_filters';
      const refs = await Promise.all(Array.from({ length: 5 }, () => submitted(store, { jobType })));
      const [failedRef, completedRef] = refs;
      assert.ok(failedRef && completedRef);
      await finished(store, failedRef, 'failed');
      await finished(store, completedRef);
      const ids = async (filter: Omit<JobFilter, 'limit'>) =>
        (await store.listJobs({ ...filter, limit: 1000 })).map(({ jobId }) => jobId);
      assert.deepEqual(await ids({ jobType, status: 'failed' }), [failedRef.jobId]);
      assert.deepEqual(await ids({ jobType, status: 'completed' }), [completedRef.jobId]);
      assert.equal((await ids({ jobType, status: 'queued' })).length, 3);
      assert.deepEqual(await ids({ jobType, status: 'cancelled' }), []);
      assert.deepEqual(await ids({ jobType: 'list_filters%' }), []);
      const oldest = (await allJobs(store, { jobType, limit: 1000 })).at(-1)?.createdAt ?? new Date();
      assert.equal((await ids({ jobType, since: oldest })).length, 5);
      assert.deepEqual(await ids({ jobType, since: new Date(Date.now() + 60_000) }), []);
      assert.deepEqual(await ids({ jobType, since: oldest, status: 'failed' }), [failedRef.jobId]);
      const ofAllTypes = await ids({ status: 'failed' });
      assert.ok(ofAllTypes.includes(failedRef.jobId));
      assert.ok(!ofAllTypes.includes(completedRef.jobId));
    });

    test('a forced run keeps its place in the list', async () => {
      const { store } = stores();
      const jobType = 'list_rerun';
      const first = await submitted(store, { jobType });
      await submitted(store, { jobType });
      const before = (await store.listJobs({ jobType, limit: 10 })).map(({ jobId }) => jobId);
      await finished(store, first, 'failed');
      const job = await store.getJob(first.jobId);
      assert.ok(job);
      await store.submitJob(job, { force: false });
      assert.deepEqual(
        (await store.listJobs({ jobType, limit: 10 })).map(({ jobId }) => jobId),
        before,
      );
    });

    test('tasks come by stage and number, page by page', async () => {
      const { store } = stores();
      const ref = await planned(store, 13);
      await runAll(store, ref, 13);
      await store.advanceJob(ref);
      await store.createStage({ ...ref, stage: 2 }, newStage({ handler: 'second' }), newTasks(4));
      const places = (await allTasks(store, ref.jobId, { limit: 5 })).map((task) => [task.stage, task.task]);
      const expected = [...range(13).map((task) => [1, task]), ...range(4).map((task) => [2, task])];
      assert.deepEqual(places, expected);
      const whole = await allTasks(store, ref.jobId, { limit: 1000 });
      assert.deepEqual(
        new Set(whole.map(({ stage, handler }) => `${stage} ${handler}`)),
        new Set(['1 validate_raster', '2 second']),
      );
    });

    test('tasks of one stage, of one status, and of both', async () => {
      const { store } = stores();
      const ref = await planned(store, 6, { stage: { policy: 'continue' } });
      for (const task of [1, 4]) await run(store, { ...ref, task }, { status: 'failed', error: failure });
      for (const task of [0, 2, 3, 5]) await run(store, { ...ref, task });
      await store.advanceJob(ref);
      await store.createStage({ ...ref, stage: 2 }, newStage(), newTasks(3));
      await claimed(store, { ...ref, stage: 2, task: 1 });
      const places = async (filter: Omit<TaskFilter, 'limit'>) =>
        (await allTasks(store, ref.jobId, { ...filter, limit: 2 })).map(({ stage, task }) => `${stage}.${task}`);
      assert.deepEqual(await places({ stage: 2 }), ['2.0', '2.1', '2.2']);
      assert.deepEqual(await places({ status: 'failed' }), ['1.1', '1.4']);
      assert.deepEqual(await places({ status: 'completed', stage: 1 }), ['1.0', '1.2', '1.3', '1.5']);
      assert.deepEqual(await places({ status: 'queued' }), ['2.0', '2.2']);
      assert.deepEqual(await places({ status: 'queued', stage: 1 }), []);
      assert.deepEqual(await places({ stage: 3 }), []);
    });

    test('a task is listed with its times, worker and error', async () => {
      const { store } = stores();
      const ref = await planned(store, 1, { stage: { policy: 'continue', handler: 'cog' } });
      const task = { ...ref, task: 0 };
      const { attempt } = await claimed(store, task, { worker: 'host:9', leaseMs: 60_000 });
      await store.endAttempt(task, attempt, { status: 'failed', error: failure });
      const [listed] = await store.listTasks(ref.jobId, 1, { limit: 1 });
      assert.ok(listed?.startedAt && listed.completedAt);
      const { createdAt, startedAt, completedAt, ...facts } = listed;
      assert.ok(createdAt <= startedAt && startedAt <= completedAt);
      assert.deepEqual(facts, {
        ...task,
        key: 'tile-0',
        handler: 'cog',
        status: 'failed',
        attempt: 1,
        handedBack: 0,
        progress: null,
        worker: 'host:9',
        error: failure,
      });
    });
  });
}

async function allJobs(store: StateStore, filter: JobFilter): Promise<JobSummary[]> {
  const jobs: JobSummary[] = [];
  for (let page = await store.listJobs(filter); page.length > 0; ) {
    assert.ok(page.length <= filter.limit);
    jobs.push(...page);
    const last = jobs.at(-1);
    assert.ok(last);
    // As a cursor carries it: through text, with milliseconds.
    const createdAt = new Date(last.createdAt.toISOString());
    page = await store.listJobs({ ...filter, after: { createdAt, jobId: last.jobId } });
  }
  return jobs;
}

async function allTasks(store: StateStore, jobId: string, filter: TaskFilter) {
  const tasks = [...(await store.listTasks(jobId, 1, filter))];
  for (let page = tasks.length; page > 0; ) {
    assert.ok(page <= filter.limit);
    const last = tasks.at(-1);
    assert.ok(last);
    const next = await store.listTasks(jobId, 1, { ...filter, after: { stage: last.stage, task: last.task } });
    tasks.push(...next);
    page = next.length;
  }
  return tasks;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
