import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EngineStep, StageRef, StateStore } from '../../core/ports/state-store.ts';
import { eventually } from '../tools/poll.ts';
import {
  atOnce,
  failure,
  finished,
  jobOf,
  near,
  newStage,
  newTasks,
  planned,
  type Stores,
  submitted,
} from './state-store-tools.ts';

const delays = [60_000, 120_000];

export function testPlans(stores: Stores): void {
  describe('plans and ends that are tried again', () => {
    test('while a retry waits every other failure is the same one', async () => {
      const pair = stores();
      const ref = await submitted(pair.store);
      const answers = await atOnce(pair, 8, (store) => store.retryStep(ref, 'plan', failure, delays));
      for (const answer of answers) {
        assert.ok(answer.kind === 'waits' && answer.attempt === 1, JSON.stringify(answer));
        near(answer.at, Date.now() + 60_000, 5000);
      }
      const events = await pair.store.listEvents(ref.jobId, { limit: 10 });
      assert.deepEqual(
        events.slice(1).map(({ event, stage, attempt, detail }) => [event, stage, attempt, detail]),
        [['plan_retried', 1, 1, { error: failure, delay_ms: 60_000 }]],
      );
    });

    test('the retries are used up one after the other, of each stage and run its own', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      const none = [0, 0];
      assert.deepEqual(await kindsOf(store, ref, none), ['waits 1', 'waits 2', 'used_up', 'used_up']);
      await store.createStage(ref, newStage(), []);
      await store.advanceJob(ref);
      assert.equal((await store.retryStep({ ...ref, stage: 2 }, 'plan', failure, none)).kind, 'waits');
      await finished(store, { ...ref, stage: 2 }, 'failed');
      await store.retryJob(ref.jobId, { totalStages: 2, correlationId: 'again', takeOver: true });
      assert.deepEqual(await kindsOf(store, { ...ref, run: 2 }, none), ['waits 1', 'waits 2', 'used_up', 'used_up']);
    });

    test('not of a stage that is planned, or of a job that is elsewhere', async () => {
      const { store } = stores();
      const ref = await planned(store, 1);
      const last = await submitted(store);
      await finished(store, last, 'failed');
      for (const wrong of [ref, { ...ref, run: 2 }, { ...ref, stage: 2 }, last, { ...ref, jobId: '0'.repeat(64) }]) {
        assert.deepEqual(await store.retryStep(wrong, 'plan', failure, delays), { kind: 'stale' });
      }
    });

    test('the end of a job is put off like a plan, and counted by itself', async () => {
      const pair = stores();
      const ref = await submitted(pair.store);
      const none = [0, 0];
      assert.equal((await pair.store.retryStep(ref, 'finalize', failure, none)).kind, 'stale', 'nothing is planned');
      assert.deepEqual(await kindsOf(pair.store, ref, none), ['waits 1', 'waits 2', 'used_up', 'used_up']);
      await pair.store.createStage(ref, newStage(), []);
      const answers = await atOnce(pair, 8, (store) => store.retryStep(ref, 'finalize', failure, delays));
      for (const answer of answers) {
        assert.ok(answer.kind === 'waits' && answer.attempt === 1, JSON.stringify(answer));
        near(answer.at, Date.now() + 60_000, 5000);
      }
      assert.deepEqual(await kindsOf(pair.store, ref, none, 'finalize'), ['waits 2', 'used_up', 'used_up', 'used_up']);
      const events = await pair.store.listEvents(ref.jobId, { limit: 10 });
      assert.deepEqual(
        events
          .filter(({ event }) => event === 'finalize_retried')
          .map(({ stage, attempt, detail }) => [stage, attempt, detail]),
        [
          [1, 1, { error: failure, delay_ms: 60_000 }],
          [1, 2, { error: failure, delay_ms: 0 }],
        ],
      );
      await finished(pair.store, ref, 'failed');
      assert.equal((await pair.store.retryStep(ref, 'finalize', failure, none)).kind, 'stale', 'the job has ended');
    });

    test("the job's time begins with the first failure, and its message counts as sent", async () => {
      const { store } = stores();
      const ref = await submitted(store);
      const due = async (unansweredMs: number) =>
        (await store.findJobsToPublish({ unsentMs: 0, unansweredMs }, 1000)).filter((row) => row.jobId === ref.jobId);
      await eventually(async () => (await due(60_000)).length === 1);
      await store.retryStep(ref, 'plan', failure, delays);
      assert.deepEqual(await due(60_000), []);
      await eventually(async () => (await due(0)).length === 1);
      const { startedAt, status } = await jobOf(store, ref);
      assert.ok(startedAt && status === 'queued');
      await overdue(store, ref);
      await store.createStage(ref, newStage(), newTasks(1));
      assert.deepEqual((await jobOf(store, ref)).startedAt, startedAt, 'and goes on');
    });

    test('it also begins when somebody says so, once', async () => {
      const { store } = stores();
      const ref = await submitted(store);
      await store.markJobStarted({ ...ref, run: 2 });
      assert.equal((await jobOf(store, ref)).startedAt, null);
      await store.markJobStarted(ref);
      const { startedAt } = await jobOf(store, ref);
      await overdue(store, ref);
      await store.markJobStarted(ref);
      assert.deepEqual((await jobOf(store, ref)).startedAt, startedAt);
    });
  });
}

async function kindsOf(
  store: StateStore,
  ref: StageRef,
  delaysMs: readonly number[],
  step: EngineStep = 'plan',
): Promise<string[]> {
  const kinds: string[] = [];
  for (let time = 0; time < 4; time += 1) {
    const answer = await store.retryStep(ref, step, failure, delaysMs);
    kinds.push(answer.kind === 'waits' ? `waits ${answer.attempt}` : answer.kind);
  }
  return kinds;
}

/** Found as overdue by a limit of 0 ms. */
async function overdue(store: StateStore, ref: StageRef): Promise<void> {
  await eventually(async () => (await store.findOverdueJobs([], 10, 1000)).some(({ jobId }) => jobId === ref.jobId));
}
