import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import {
  awkwardTexts,
  claimed,
  failure,
  finished,
  jobOf,
  near,
  newJob,
  newStage,
  newTasks,
  planned,
  retry,
  runAll,
  type Stores,
  submitted,
  taskOf,
} from './state-store-tools.ts';

export function testSubmit(stores: Stores): void {
  describe('submitting', () => {
    test('a new job is queued in its first run and stage', async () => {
      const { store } = stores();
      const job = newJob({ metadata: { dataset_id: 'd1' }, correlationId: 'c-7', totalStages: 3 });
      const { outcome, job: stored } = await store.submitJob(job, { force: false });
      assert.equal(outcome, 'created');
      const { createdAt, updatedAt, ...rest } = stored;
      assert.deepEqual(rest, {
        ...job,
        status: 'queued',
        run: 1,
        stage: 1,
        result: null,
        error: null,
        startedAt: null,
        completedAt: null,
      });
      near(createdAt, Date.now(), 5_000);
      assert.deepEqual(updatedAt, createdAt);
      assert.deepEqual(await store.getJob(job.jobId), stored);
    });

    test('what the caller does to its parameters afterwards changes nothing', async () => {
      const { store } = stores();
      const parameters = { names: ['a'] };
      const ref = await submitted(store, { parameters });
      parameters.names.push('b');
      assert.deepEqual((await jobOf(store, ref)).parameters, { names: ['a'] });
    });

    test('a job that nobody submitted is null', async () => {
      assert.equal(await stores().store.getJob('0'.repeat(64)), null);
      assert.deepEqual(await stores().store.getStages('0'.repeat(64), 1), []);
      assert.deepEqual(await stores().store.listTasks('0'.repeat(64), 1, { limit: 10 }), []);
    });

    test('parameters, metadata and result keep the order of their keys', async () => {
      const { store } = stores();
      const parameters = { zoom: 1, a: { yy: 1, x: 2 }, container_name: 'c', b: [3, { z: 1, y: 2 }] };
      const result = { job_type: 'process_raster', zeta: 1, alpha: { long_key: 1, k: 2 } };
      const ref = await submitted(store, { parameters, metadata: { version_id: 'v', dataset_id: 'd' } });
      await store.finishJob(ref, { status: 'completed', result, error: null, callback: false });
      const job = await jobOf(store, ref);
      assert.equal(JSON.stringify(job.parameters), JSON.stringify(parameters));
      assert.equal(JSON.stringify(job.metadata), '{"version_id":"v","dataset_id":"d"}');
      assert.equal(JSON.stringify(job.result), JSON.stringify(result));
    });

    test('every text comes back as it went in', async () => {
      const { store } = stores();
      const texts: JsonObject = Object.fromEntries(awkwardTexts.map((text, index) => [`${index} ${text}`, text]));
      const parameters = { texts, list: awkwardTexts, long: 'ž'.repeat(200_000), number: -1.5e-300, none: null };
      const ref = await submitted(store, { parameters, correlationId: awkwardTexts.join('|') });
      const job = await jobOf(store, ref);
      assert.deepEqual(job.parameters, parameters);
      assert.equal(job.correlationId, awkwardTexts.join('|'));
    });

    test('an active job stays as it is; forcing it is refused', async () => {
      const { store } = stores();
      const job = newJob();
      const first = (await store.submitJob(job, { force: false })).job;
      const changed = { ...job, parameters: { other: true }, correlationId: 'second' };
      assert.deepEqual(await store.submitJob(changed, { force: false }), { outcome: 'existing', job: first });
      assert.deepEqual(await store.submitJob(changed, { force: true }), { outcome: 'active', job: first });
      await store.createStage({ jobId: job.jobId, run: 1, stage: 1 }, newStage(), []);
      const processing = await store.getJob(job.jobId);
      assert.equal(processing?.status, 'processing');
      assert.deepEqual(await store.submitJob(changed, { force: false }), { outcome: 'existing', job: processing });
      assert.deepEqual(await store.submitJob(changed, { force: true }), { outcome: 'active', job: processing });
    });

    for (const status of ['completed', 'completed_with_errors'] as const) {
      test(`a job that is ${status} answers with its result, and runs again when forced`, async () => {
        const { store } = stores();
        const job = newJob();
        const ref = { jobId: job.jobId, run: 1, stage: 1 };
        await store.submitJob(job, { force: false });
        await finished(store, ref, status);
        const ended = await jobOf(store, ref);
        assert.deepEqual(await store.submitJob(job, { force: false }), { outcome: 'existing', job: ended });
        assert.deepEqual(ended.result, { done: true });
        const forced = await store.submitJob({ ...job, correlationId: 'again' }, { force: true });
        assert.equal(forced.outcome, 'created');
        assert.equal(forced.job.run, 2);
        assert.deepEqual([forced.job.result, forced.job.error, forced.job.completedAt], [null, null, null]);
        assert.equal(forced.job.correlationId, 'again');
        assert.deepEqual(forced.job.createdAt, ended.createdAt);
      });
    }

    for (const status of ['failed', 'cancelled'] as const) {
      test(`a job that is ${status} starts its next run with everything of the last one gone from its row`, async () => {
        const { store } = stores();
        const job = newJob();
        const first = { jobId: job.jobId, run: 1, stage: 1 };
        await store.submitJob(job, { force: false });
        await store.createStage(first, newStage(), []);
        assert.equal(await store.advanceJob(first), true);
        await finished(store, { ...first, stage: 2 }, status);
        const next = { ...job, parameters: { other: true }, metadata: { m: 1 }, totalStages: 5, correlationId: 'two' };
        const { outcome, job: begun } = await store.submitJob(next, { force: false });
        assert.equal(outcome, 'created');
        const { createdAt: _created, updatedAt: _updated, ...rest } = begun;
        assert.deepEqual(rest, {
          ...next,
          status: 'queued',
          run: 2,
          stage: 1,
          result: null,
          error: null,
          startedAt: null,
          completedAt: null,
        });
      });
    }

    test("an earlier run's stages, tasks and results stay as they were", async () => {
      const { store } = stores();
      const job = newJob();
      const first = { jobId: job.jobId, run: 1, stage: 1 };
      await store.submitJob(job, { force: false });
      await store.createStage(first, newStage({ name: 'old' }), [{ key: 'k', input: 1 }]);
      await runAll(store, first, 1);
      await finished(store, first, 'failed');
      const [before, pageBefore] = [await store.getStages(job.jobId, 1), await store.resultPage(first, -1, 10)];
      await store.submitJob(job, { force: false });
      const second = { ...first, run: 2 };
      assert.deepEqual(await store.getStages(job.jobId, 2), []);
      await store.createStage(second, newStage({ name: 'new' }), [{ key: 'k', input: 1 }]);
      await claimed(store, { ...second, task: 0 });
      assert.deepEqual(await store.getStages(job.jobId, 1), before);
      assert.deepEqual(await store.resultPage(first, -1, 10), pageBefore);
      assert.equal((await taskOf(store, { ...first, task: 0 })).status, 'completed');
      assert.equal((await taskOf(store, { ...second, task: 0 })).status, 'processing');
    });

    test('messages of an earlier run find nothing to do', async () => {
      const { store } = stores();
      const ref = await planned(store, 2);
      const task = { ...ref, task: 0 };
      const { attempt } = await claimed(store, task);
      await finished(store, ref, 'failed');
      await store.submitJob(newJob({ jobId: ref.jobId }), { force: false });
      assert.equal(await store.createStage(ref, newStage(), []), 'stale');
      assert.deepEqual(await store.claimTask({ ...ref, task: 1 }, { worker: 'w', leaseMs: 1000 }), { kind: 'refused' });
      assert.equal(await store.renewLease(task, { attempt, leaseMs: 1000, progress: null }), 'cancelled');
      assert.equal(await store.advanceJob(ref), false);
      const end = { status: 'failed', result: null, error: failure, callback: false } as const;
      assert.equal(await store.finishJob(ref, end), false);
      await store.markJobPublished(ref);
      assert.equal((await jobOf(store, ref)).status, 'queued');
      await store.createStage({ ...ref, run: 2 }, newStage(), newTasks(2));
      assert.equal(await store.renewLease(task, { attempt, leaseMs: 1000, progress: null }), 'cancelled');
      assert.equal(await store.hasOpenTasks(ref), true);
      assert.equal(await store.endAttempt(task, attempt, retry(0)), 'cancelled');
      assert.equal((await taskOf(store, task)).status, 'cancelled');
    });
  });
}
