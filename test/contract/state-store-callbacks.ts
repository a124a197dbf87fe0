import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StageRef, StateStore } from '../../core/ports/state-store.ts';
import { eventually } from '../tools/poll.ts';
import { failure, newJob, type Stores, submitted } from './state-store-tools.ts';

const failed = { status: 'failed', result: null, error: failure, callback: true } as const;

/** The runs of this job that its receiver is to be told of. */
async function dueRuns(store: StateStore, { jobId }: StageRef): Promise<number[]> {
  return (await store.findCallbacksDue(0, 1000)).filter((due) => due.jobId === jobId).map(({ run }) => run);
}

/** Its time has come when the store's clock has gone on by a millisecond. */
function become(store: StateStore, ref: StageRef, runs: readonly number[]): Promise<unknown> {
  return eventually(async () => String(await dueRuns(store, ref)) === String(runs));
}

export function testCallbacks(stores: Stores): void {
  describe('callbacks of runs that are followed by others', () => {
    for (const again of ['submitted', 'forced', 'retried'] as const) {
      test(`stay due, each with its end, when the job is ${again} again`, async () => {
        const { store } = stores();
        const ref = await submitted(store);
        const result = { job_type: 'x', n: 1 };
        const partly = { ...failed, status: 'completed_with_errors', result, error: null } as const;
        await store.finishJob(ref, again === 'submitted' ? failed : partly);
        if (again === 'retried') {
          await store.retryJob(ref.jobId, { totalStages: 2, correlationId: 'again', takeOver: true });
        } else await store.submitJob(newJob({ jobId: ref.jobId }), { force: again === 'forced' });
        await become(store, ref, [1]);
        const { jobType } = newJob();
        const end = again === 'submitted' ? { status: 'failed', result: null } : { status: partly.status, result };
        const { jobId } = ref;
        const due = await store.getDueCallback(jobId, 1);
        assert.ok(due);
        const told = { jobId: due.jobId, jobType: due.jobType, run: due.run, stage: due.stage };
        assert.deepEqual(
          { ...told, status: due.status, result: due.result },
          { jobId, jobType, run: 1, stage: 1, ...end },
        );
        assert.equal(await store.getDueCallback(jobId, 2), null, 'it has not ended');
        await store.finishJob({ ...ref, run: 2 }, failed);
        await become(store, ref, [1, 2]);
        await store.markCallbackDelivered(jobId, 1);
        assert.deepEqual(await dueRuns(store, ref), [2]);
        assert.equal(await store.getDueCallback(jobId, 1), null);
        assert.equal((await store.getDueCallback(jobId, 2))?.status, 'failed');
        await store.markCallbackDelivered(jobId, 1);
        const events = await store.listEvents(jobId, { limit: 100 });
        const delivered = events.filter(({ event }) => event === 'callback_delivered').map(({ run }) => run);
        assert.deepEqual(delivered, [1], 'noted once');
      });
    }

    test('keep their job from being removed', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      await store.finishJob(ref, failed);
      await store.submitJob(newJob({ jobId: ref.jobId }), { force: false });
      await store.finishJob({ ...ref, run: 2 }, { ...failed, callback: false });
      await become(store, ref, [1]);
      assert.ok(!(await store.deleteEndedJobs(0, 10_000)).includes(ref.jobId));
      await store.markCallbackDelivered(ref.jobId, 1);
      await eventually(async () => (await store.deleteEndedJobs(0, 10_000)).includes(ref.jobId));
    });
  });
}
