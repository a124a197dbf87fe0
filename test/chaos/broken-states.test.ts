import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { JobEnd } from '../../core/states.ts';
import { openPostgres, type Postgres } from '../../infrastructure/postgres/postgres.ts';
import { claimed, claimedInTime, failure, newJob, newStage, retry } from '../contract/state-store-tools.ts';
import { createTestDatabase, type TestDatabase } from '../tools/postgres.ts';
import { invariants, ofConnections } from './invariants.ts';
import { Ledger } from './ledger.ts';

// One history that is as it must be, and one change of it at least for each invariant about runs: the proof that it would be
// seen. Those about connections have theirs in invariants.test.ts.

const worker = 'worker-0:1';
const keys = ['a', 'b', 'c', 'd'];
const { jobId } = newJob();
const ref = (run: number, stage: number) => ({ jobId, run, stage });

let database: TestDatabase;
let postgres: Postgres;
let ledger: Ledger;

before(async () => {
  database = await createTestDatabase({ template: 'empty' });
  postgres = await openPostgres({ url: database.url, applicationName: 'worker-0' });
  await postgres.database.query(await readFile(new URL('./schema.sql', import.meta.url), 'utf8'));
  ledger = new Ledger(postgres.database, worker);
  await history();
});
after(async () => {
  await postgres?.close();
  await database?.drop();
});

/**
 * Cancelled with one task completed at the third attempt, one worked on, one waiting and one failed; retried, when the
 * second completes after all.
 */
async function history(): Promise<void> {
  const { store } = postgres;
  await store.submitJob(newJob({ jobId, correlationId: 'chaos-1' }), { force: false });
  await plan(1);
  await stumble(1, 1, 0);
  await perform(1, 1, 0);
  await fail(1, 1, 3);
  const late = await begin(1, 1, 1);
  await finish(1, 1, 'cancelled');
  await store.retryJob(jobId, { totalStages: 2, correlationId: 'chaos-2', takeOver: true });
  await plan(2);
  await late();
  await perform(2, 1, 1);
  await perform(2, 1, 2);
  await perform(2, 1, 3);
  await store.advanceJob(ref(2, 1));
  await store.createStage(ref(2, 2), newStage({ name: 'gather', parallelism: 'fan_in' }), [{ key: 'all', input: {} }]);
  await perform(2, 2, 0);
  await finish(2, 2, 'completed');
}

async function plan(run: number): Promise<void> {
  const tasks = keys.map((key) => ({ key, input: { key } }));
  await postgres.store.createStage(ref(run, 1), newStage(), tasks);
}

/** Answers how to end what is begun. */
async function begin(run: number, stage: number, task: number): Promise<() => Promise<void>> {
  const place = { ...ref(run, stage), task };
  const { attempt } = await claimed(postgres.store, place, { worker, leaseMs: 60_000 });
  await ledger.note({ ...place, attempt }, 'began');
  return async () => {
    await ledger.note({ ...place, attempt }, 'done');
    const result = { value: run, attempt, worker };
    assert.equal(await postgres.store.endAttempt(place, attempt, { status: 'completed', result }), 'completed');
  };
}

async function perform(run: number, stage: number, task: number): Promise<void> {
  const end = await begin(run, stage, task);
  await end();
}

/** Two attempts that come to nothing: one loses its lease, the other is to be tried again. */
async function stumble(run: number, stage: number, task: number): Promise<void> {
  const place = { ...ref(run, stage), task };
  await claimed(postgres.store, place, { worker, leaseMs: 1 });
  const { attempt } = await claimedInTime(postgres.store, place, { worker, leaseMs: 60_000 });
  assert.equal(await postgres.store.endAttempt(place, attempt, retry(0)), 'retrying');
}

async function fail(run: number, stage: number, task: number): Promise<void> {
  const place = { ...ref(run, stage), task };
  const { attempt } = await claimed(postgres.store, place, { worker, leaseMs: 60_000 });
  assert.equal(await postgres.store.endAttempt(place, attempt, { status: 'failed', error: failure }), 'failed');
}

async function finish(run: number, stage: number, status: JobEnd): Promise<void> {
  const good = status === 'completed';
  const [result, error] = good ? [{ job_type: 'x' }, null] : [null, failure];
  await postgres.store.finishJob(ref(run, stage), { status, result, error, callback: true });
  await ledger.callback(jobId, status, result, false);
  await postgres.store.markCallbackDelivered(jobId, run);
}

const invariantOf = (name: string) => {
  const found = invariants.find((one) => one.name === name);
  assert.ok(found, `there is no invariant "${name}"`);
  return found;
};

/** What of the history a statement must change for the invariant to be broken. */
const breaking: readonly (readonly [name: string, sql: string])[] = [
  [
    'tasks make legal moves only',
    `UPDATE app.tasks SET status = 'failed', finished_at = now() WHERE run = 2 AND stage = 2;
     UPDATE chaos.task_moves SET old_status = 'queued' WHERE run = 2 AND stage = 2 AND new_status = 'failed'`,
  ],
  ['no accepted result is overwritten', `UPDATE app.tasks SET result = '{"value":7}' WHERE run = 2 AND stage = 2`],
  [
    'the accepted result is of the last attempt and of the worker that held it',
    `UPDATE app.tasks SET worker = 'worker-1:1' WHERE run = 2 AND stage = 2`,
  ],
  [
    'the accepted result is of the last attempt and of the worker that held it',
    'UPDATE app.tasks SET attempt = 2 WHERE run = 2 AND stage = 2',
  ],
  ['attempts rise one by one, by claims alone', 'UPDATE app.tasks SET attempt = 2 WHERE run = 2 AND stage = 2'],
  [
    'attempts rise one by one, by claims alone',
    `UPDATE app.tasks SET attempt = 3, status = 'processing', finished_at = NULL, lease_until = now()
     WHERE run = 2 AND stage = 2`,
  ],
  [
    'no lease is taken that is held',
    `UPDATE app.tasks SET status = 'processing', finished_at = NULL, lease_until = now() + interval '1 minute'
     WHERE run = 2 AND stage = 2;
     UPDATE app.tasks SET attempt = attempt + 1 WHERE run = 2 AND stage = 2`,
  ],
  ['what has ended is not leased', 'UPDATE app.tasks SET lease_until = now() WHERE run = 2 AND stage = 2'],
  [
    'every stage is planned once',
    `CREATE TEMP TABLE again ON COMMIT DROP AS SELECT * FROM app.stages WHERE run = 2 AND stage = 2;
     DELETE FROM app.stages WHERE run = 2 AND stage = 2;
     INSERT INTO app.stages SELECT * FROM again`,
  ],
  [
    'every stage is closed once and left alone then',
    'UPDATE app.stages SET completed_count = 0, failed_count = 1 WHERE run = 2 AND stage = 2',
  ],
  [
    'every stage is closed once and left alone then',
    `DELETE FROM chaos.stage_moves WHERE what = 'closed' AND run = 2 AND stage = 2`,
  ],
  ['a stage has as many tasks as it says, numbered from 0', 'DELETE FROM app.tasks WHERE run = 2 AND task = 3'],
  ['a stage has as many tasks as it says, numbered from 0', 'UPDATE app.tasks SET task = 4 WHERE run = 2 AND task = 3'],
  ['jobs make legal moves only', `UPDATE app.jobs SET status = 'failed'`],
  [
    'the timeline has every step that was taken, written with it',
    `DELETE FROM app.job_events WHERE event = 'stage_completed'`,
  ],
  [
    'the timeline has every step that was taken, written with it',
    // As if written by another transaction than the one that took the step.
    `UPDATE app.job_events SET at = at WHERE event = 'stage_started'`,
  ],
  [
    'the timeline has every step that was taken, written with it',
    `UPDATE app.tasks SET status = 'processing', finished_at = NULL, lease_until = now() WHERE run = 2 AND stage = 2;
     UPDATE app.tasks SET attempt = attempt + 1 WHERE run = 2 AND stage = 2`,
  ],
  ...['job_created', 'job_rerun', 'job_cancelled', 'job_completed', 'stage_started', 'task_failed', 'task_retried'].map(
    (event) =>
      [
        'the timeline has every step that was taken, written with it',
        `DELETE FROM app.job_events WHERE event = '${event}'`,
      ] as const,
  ),
  ...['job_failed', 'job_rerun', 'stage_completed', 'task_failed', 'task_retried', 'lease_lost'].map(
    (event) =>
      [
        'the timeline has no step that was not taken, and none twice',
        `INSERT INTO app.job_events (job, run, stage, event) SELECT id, run, stage, '${event}' FROM app.jobs`,
      ] as const,
  ),
  [
    'the timeline has no step that was not taken, and none twice',
    `INSERT INTO app.job_events (job, run, stage, task, attempt, event)
     SELECT job, run, stage, task, attempt, event FROM app.job_events WHERE event = 'lease_lost'`,
  ],
  [
    'no task begins, nor is to be tried again, once the end of its job is stored',
    `UPDATE app.tasks SET status = 'processing', attempt = 1, worker = 'w', lease_until = now(), finished_at = NULL
     WHERE run = 1 AND task = 2;
     UPDATE chaos.task_moves SET old_status = 'queued' WHERE old_status = 'cancelled'`,
  ],
  [
    'no task begins, nor is to be tried again, once the end of its job is stored',
    `UPDATE app.tasks SET status = 'retrying', next_attempt_at = now(), finished_at = NULL WHERE run = 1 AND task = 2`,
  ],
  [
    'tasks that nobody works on are cancelled as their job ends, and only then',
    `UPDATE app.tasks SET status = 'queued', finished_at = NULL WHERE run = 1 AND task = 2;
     UPDATE app.tasks SET status = 'cancelled', finished_at = now() WHERE run = 1 AND task = 2`,
  ],
  [
    'every task ends exactly once',
    `UPDATE app.tasks SET status = 'queued', finished_at = NULL WHERE run = 2 AND task = 2;
     UPDATE app.tasks SET status = 'cancelled', finished_at = now() WHERE run = 2 AND task = 2`,
  ],
  ['who works on a task has its temporary part', `INSERT INTO chaos.lost_parts VALUES ('${jobId}', 1, 1, 1, 1, true)`],
  [
    'no stage is planned once the end of its job is stored',
    `INSERT INTO app.stages (job, run, stage, name, handler, parallelism, policy, task_count)
     SELECT job, run, 2, name, handler, parallelism, policy, 0 FROM app.stages WHERE run = 1`,
  ],
  [
    'no stage is beyond its job',
    `INSERT INTO app.stages (job, run, stage, name, handler, parallelism, policy, task_count)
     SELECT job, run, 2, name, handler, parallelism, policy, 0 FROM app.stages WHERE run = 1`,
  ],
  [
    'every stage is advanced once, by one, and with no open task',
    'UPDATE app.jobs SET stage = 1; UPDATE app.jobs SET stage = 2',
  ],
  ['every run has advanced as far as it says', 'DELETE FROM chaos.job_moves WHERE old_run = 2 AND new_stage = 2'],
  ['the counts of a closed stage are those of its tasks', 'UPDATE app.stages SET taken_over_count = 0'],
  [
    'a job that completed has the counts of all its stages',
    'UPDATE app.stages SET completed_count = NULL WHERE run = 2 AND stage = 1',
  ],
  ['every run ends exactly once', `DELETE FROM chaos.job_moves WHERE new_status = 'cancelled'`],
  [
    'nothing changes a job that has ended but its next run, and nothing else begins one',
    `UPDATE app.jobs SET result = '{"job_type":"y"}'`,
  ],
  [
    'nothing changes a job that has ended but its next run, and nothing else begins one',
    `UPDATE chaos.job_moves SET old_status = 'processing' WHERE new_run > old_run`,
  ],
  ['the runs of a job are those it has counted', 'DELETE FROM chaos.runs WHERE run = 1'],
  [
    'the runs of a job are those it has counted',
    'INSERT INTO chaos.runs SELECT job, run, correlation_id FROM chaos.runs',
  ],
  [
    'the receiver was told of the end of every run, and of no other',
    `DELETE FROM chaos.callbacks WHERE result IS NULL`,
  ],
  ['the receiver was told of the end of every run, and of no other', 'UPDATE chaos.callbacks SET taken = false'],
  ['the receiver was told of the end of every run, and of no other', `UPDATE chaos.callbacks SET status = 'failed'`],
  [
    'that the receiver took the end of a run is noted with it',
    `DELETE FROM app.job_events WHERE event = 'callback_delivered' AND run = 1`,
  ],
  [
    'results are taken over only as a stage is planned, by a run that does so',
    'UPDATE chaos.runs SET takes_over_from = NULL',
  ],
  [
    'results are taken over only as a stage is planned, by a run that does so',
    `UPDATE chaos.task_moves SET xid = pg_current_xact_id() WHERE taken_over`,
  ],
  [
    'what is taken over is what an earlier run of the same start has completed',
    `UPDATE app.tasks SET result = '{"value":7}' WHERE run = 2 AND attempt = 0`,
  ],
  [
    'what is taken over is what an earlier run of the same start has completed',
    'UPDATE chaos.runs SET takes_over_from = run WHERE run = 2',
  ],
  [
    'the task of a fan-in is taken over only with everything before it',
    'UPDATE app.tasks SET attempt = 0 WHERE run = 2 AND stage = 2',
  ],
  [
    'a retry runs nothing that it could see as completed when it was planned',
    'UPDATE app.tasks SET attempt = 1 WHERE run = 2 AND attempt = 0',
  ],
  ['every accepted result was made by an execution', 'UPDATE chaos.executions SET run = 1'],
  ['an attempt belongs to one execution', 'UPDATE chaos.executions SET run = 1'],
];

test('every invariant holds of a history that is as it must be', async () => {
  for (const invariant of invariants) {
    // The connections of this test are no workers'.
    if (ofConnections.includes(invariant)) continue;
    const { name, sql, parameters = [] } = invariant;
    assert.deepEqual(await postgres.database.query(sql, [...parameters]), [], name);
  }
});

for (const [index, [name, sql]] of breaking.entries()) {
  test(`seen: ${name} (${index})`, async () => {
    const invariant = invariantOf(name);
    const client = await postgres.pool.connect();
    try {
      await client.query(`BEGIN; ${sql}`);
      const { rowCount } = await client.query(invariant.sql, [...(invariant.parameters ?? [])]);
      assert.ok(Number(rowCount) > 0, 'the broken state was not seen');
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });
}

test('there is no invariant that nothing is shown to break', async () => {
  const elsewhere = await readFile(new URL('./invariants.test.ts', import.meta.url), 'utf8');
  const broken = new Set(breaking.map(([name]) => name));
  const unbroken = invariants.filter(({ name }) => !broken.has(name) && !elsewhere.includes(`'${name}'`));
  assert.deepEqual(
    unbroken.map(({ name }) => name),
    [],
  );
});

test('an execution that lost its temporary part tells whether it was in force', async () => {
  await ledger.lostPart({ ...ref(1, 1), task: 1, attempt: 1 });
  const rows = await postgres.database.query('DELETE FROM chaos.lost_parts RETURNING in_force');
  assert.deepEqual(rows, [{ in_force: false }]);
});
