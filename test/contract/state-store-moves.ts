import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StageRef, StateStore, TaskRef } from '../../core/ports/state-store.ts';
import { type JobEnd, type JobStatus, jobMoves, type TaskStatus, taskMoves } from '../../core/states.ts';
import {
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
  planned,
  retry,
  run,
  type Stores,
  submitted,
  taskOf,
} from './state-store-tools.ts';

const jobEnds: readonly JobEnd[] = ['completed', 'completed_with_errors', 'failed', 'cancelled'];

/** How a job gets into each state. */
const jobsIn: Record<JobStatus, (store: StateStore) => Promise<StageRef>> = {
  queued: (store) => submitted(store),
  processing: (store) => planned(store, 0),
  completed: (store) => endedAs(store, 'completed'),
  completed_with_errors: (store) => endedAs(store, 'completed_with_errors'),
  failed: (store) => endedAs(store, 'failed'),
  cancelled: (store) => endedAs(store, 'cancelled'),
};

/** Everything that can be done to a job. */
const jobActions: Record<string, (store: StateStore, ref: StageRef) => Promise<unknown>> = {
  submit: (store, ref) => store.submitJob(newJob({ jobId: ref.jobId }), { force: false }),
  force: (store, ref) => store.submitJob(newJob({ jobId: ref.jobId }), { force: true }),
  plan: (store, ref) => store.createStage(ref, newStage(), []),
  publish: (store, ref) => store.markJobPublished(ref),
  advance: (store, ref) => store.advanceJob(ref),
  deliver: (store, ref) => store.markCallbackDelivered(ref.jobId, ref.run),
  ...Object.fromEntries(
    jobEnds.map((status) => [
      `end as ${status}`,
      (store: StateStore, ref: StageRef) =>
        store.finishJob(ref, { status, result: null, error: failure, callback: true }),
    ]),
  ),
};

/** How a task, the first of a stage of one, gets into each state. */
const tasksIn: Record<TaskStatus, (store: StateStore) => Promise<TaskRef>> = {
  queued: (store) => onlyTask(store),
  processing: async (store) => {
    const task = await onlyTask(store);
    await claimed(store, task, { worker: 'gone', leaseMs: 1 });
    return task;
  },
  retrying: (store) => taskEnded(store, retry(0)),
  completed: (store) => taskEnded(store, completed(1)),
  failed: (store) => taskEnded(store, { status: 'failed', error: failure }),
  cancelled: (store) => taskEnded(store, { status: 'cancelled', error: cancelled }),
};

/** Everything that can be done to a task, with the attempt that is its current one. */
const taskActions: Record<string, (store: StateStore, task: TaskRef, attempt: number) => Promise<unknown>> = {
  claim: (store, task) => store.claimTask(task, longLease),
  renew: (store, task, attempt) => store.renewLease(task, { attempt, leaseMs: 1, progress: 0 }),
  complete: (store, task, attempt) => store.endAttempt(task, attempt, completed(2)),
  fail: (store, task, attempt) => store.endAttempt(task, attempt, { status: 'failed', error: failure }),
  cancel: (store, task, attempt) => store.endAttempt(task, attempt, { status: 'cancelled', error: cancelled }),
  retry: (store, task, attempt) => store.endAttempt(task, attempt, retry(0)),
  'end the job': (store, task) => finished(store, task, 'failed'),
  publish: (store, task) => store.markTasksPublished(task, 1),
  republish: (store) => store.takeTasksToPublish({ unansweredMs: 0, certainMs: 0 }, 1000),
};

export function testMoves(stores: Stores): void {
  describe('the tables of legal moves', () => {
    test('jobs: what can be done moves them as the table says, and every move of the table can be made', async () => {
      const { store } = stores();
      const seen: Record<string, Set<string>> = {};
      for (const [from, make] of Object.entries(jobsIn)) {
        const moves = new Set<string>();
        for (const act of Object.values(jobActions)) {
          const ref = await make(store);
          assert.equal((await jobOf(store, ref)).status, from);
          await act(store, ref);
          moves.add((await jobOf(store, ref)).status);
        }
        seen[from] = moves;
      }
      for (const [from, legal] of Object.entries(jobMoves)) {
        // Whatever does not fit leaves the job where it is, so staying is always among them.
        assert.deepEqual([...(seen[from] ?? [])].sort(), [...new Set([from, ...legal])].sort(), `from ${from}`);
      }
    });

    test('tasks: what can be done moves them as the table says, and every move of the table can be made', async () => {
      const { store } = stores();
      for (const [from, make] of Object.entries(tasksIn)) {
        const moves = new Set<string>();
        for (const act of Object.values(taskActions)) {
          const task = await make(store);
          const before = await taskOf(store, task);
          assert.equal(before.status, from);
          await act(store, task, before.attempt);
          moves.add((await taskOf(store, task)).status);
        }
        const legal: readonly string[] = taskMoves[from as TaskStatus];
        assert.deepEqual([...moves].sort(), [...new Set([from, ...legal])].sort(), `from ${from}`);
      }
    });

    test('processing to processing is a takeover: another attempt', async () => {
      const { store } = stores();
      const task = await tasksIn.processing(store);
      assert.equal((await claimedInTime(store, task)).attempt, 2);
    });

    test('no attempt but the current one moves a task', async () => {
      const { store } = stores();
      for (const [from, make] of Object.entries(tasksIn)) {
        for (const wrong of [-1, 1]) {
          const task = await make(store);
          const { attempt } = await taskOf(store, task);
          for (const act of ['complete', 'fail', 'cancel', 'retry'] as const) {
            await taskActions[act]?.(store, task, attempt + wrong);
          }
          assert.equal((await taskOf(store, task)).status, from);
        }
      }
    });
  });
}

async function endedAs(store: StateStore, status: JobEnd): Promise<StageRef> {
  const ref = await planned(store, 0);
  await finished(store, ref, status);
  return ref;
}

async function onlyTask(store: StateStore): Promise<TaskRef> {
  return { ...(await planned(store, 1)), task: 0 };
}

async function taskEnded(store: StateStore, end: Parameters<StateStore['endAttempt']>[2]): Promise<TaskRef> {
  const task = await onlyTask(store);
  await run(store, task, end);
  return task;
}
