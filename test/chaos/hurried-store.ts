import type { EndedAs, StateStore } from '../../core/ports/state-store.ts';
import type { Database } from '../../infrastructure/postgres/postgres.ts';

/** Faults of the engine that the suite must find: the proof that it looks. */
export const mutants = ['no-fencing', 'no-reconciler'] as const;
export type Mutant = (typeof mutants)[number];

/** What production waits for minutes, in milliseconds: the same steps, for a trial of seconds. */
const patience = { unansweredMs: 1000, certainMs: 4000, closingMs: 500, retryMs: 300 } as const;

/** More of them than any adversary can use up. */
const retryDelaysMs = Array.from({ length: 1000 }, () => patience.retryMs);

/** The real store with less patience. */
export function hurriedStore(store: StateStore): StateStore {
  return {
    ...store,
    endAttempt: (ref, attempt, end) =>
      store.endAttempt(
        ref,
        attempt,
        end.status === 'retrying' ? { ...end, delayMs: Math.min(end.delayMs, patience.retryMs) } : end,
      ),
    retryStep: (ref, step, error) => store.retryStep(ref, step, error, retryDelaysMs),
    findJobsToPublish: (age, limit) =>
      store.findJobsToPublish({ ...age, unansweredMs: Math.min(age.unansweredMs, patience.unansweredMs) }, limit),
    takeTasksToPublish: ({ unansweredMs, certainMs }, limit) =>
      store.takeTasksToPublish(
        {
          unansweredMs: Math.min(unansweredMs, patience.unansweredMs),
          certainMs: Math.min(certainMs, patience.certainMs),
        },
        limit,
      ),
    takeExpiredLeases: (unansweredMs, limit) =>
      store.takeExpiredLeases(Math.min(unansweredMs, patience.unansweredMs), limit),
    findStagesToClose: (olderThanMs, limit) =>
      store.findStagesToClose(Math.min(olderThanMs, patience.closingMs), limit),
    findCallbacksDue: (olderThanMs, limit) => store.findCallbacksDue(Math.min(olderThanMs, patience.closingMs), limit),
  };
}

/** The store with one of its promises broken. */
export function mutated(store: StateStore, mutant: Mutant | null, database: Database): StateStore {
  switch (mutant) {
    case null:
      return store;
    case 'no-fencing':
      return { ...store, endAttempt: (ref, attempt, end) => endUnfenced(store, database, ref, attempt, end) };
    case 'no-reconciler':
      return {
        ...store,
        findJobsToPublish: async () => [],
        findStagesToPublish: async () => [],
        takeTasksToPublish: async () => [],
        takeExpiredLeases: async () => [],
        findStagesToClose: async () => [],
        findCallbacksDue: async () => [],
      };
  }
}

/** A completed attempt writes its result whoever has the task by now. */
async function endUnfenced(
  store: StateStore,
  database: Database,
  ...[ref, attempt, end]: Parameters<StateStore['endAttempt']>
): Promise<EndedAs> {
  if (end.status !== 'completed') return store.endAttempt(ref, attempt, end);
  await database.query(
    `UPDATE app.tasks SET status = 'completed', result = $5, error = NULL, lease_until = NULL, finished_at = now()
     WHERE job = (SELECT id FROM app.jobs WHERE job_id = $1) AND run = $2 AND stage = $3 AND task = $4`,
    [ref.jobId, ref.run, ref.stage, ref.task, JSON.stringify(end.result)],
  );
  return end.status;
}
