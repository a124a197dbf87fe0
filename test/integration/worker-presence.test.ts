import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openPostgres, type Postgres } from '../../infrastructure/postgres/postgres.ts';
import { WorkerPresence, workerLockClass } from '../../infrastructure/postgres/presence.ts';
import { planned } from '../contract/state-store-tools.ts';
import { eventually } from '../tools/poll.ts';
import { createTestDatabase, type TestDatabase, withClient } from '../tools/postgres.ts';

let database: TestDatabase;
let postgres: Postgres;
before(async () => {
  database = await createTestDatabase();
  postgres = await openPostgres({ url: database.url });
});
after(async () => {
  await postgres.close();
  await database.drop();
});

async function working(worker: string, jobId: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'worker-presence.child.ts'), [database.url, worker, jobId]);
  await once(child, 'message');
  return child;
}

/** Killed, and its lock seen to be free: the server takes a moment to notice. The next look may bury it. */
async function missed(child: ChildProcess, worker: string): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
  await eventually(async () => {
    assert.deepEqual(await postgres.store.endLeasesOfDeadWorkers(3_600_000), []);
    const missing = 'SELECT 1 FROM app.workers WHERE worker = $1 AND missing_since IS NOT NULL';
    return (await postgres.database.query(missing, [worker])).length > 0;
  });
}

/** Looks for the dead until one is found: a lock must be seen free twice. */
function dead(goneMs = 50): Promise<readonly string[]> {
  return eventually(async () => {
    const found = await postgres.store.endLeasesOfDeadWorkers(goneMs);
    return found.length > 0 ? found : null;
  });
}

test('the leases of a worker that was killed end at once, those of others do not', async () => {
  const { store } = postgres;
  const ref = await planned(store, 3);
  const child = await working('killed', ref.jobId);
  await store.claimTask({ ...ref, task: 2 }, { worker: 'other', leaseMs: 3_600_000 });
  assert.deepEqual(await store.endLeasesOfDeadWorkers(0), []);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.deepEqual(await dead(), ['killed']);
  const expired = await store.takeExpiredLeases(0, 100);
  assert.deepEqual(
    expired.map(({ task }) => task),
    [0, 1],
  );
  assert.deepEqual(await store.endLeasesOfDeadWorkers(0), [], 'each death is told once');
});

test('a worker that is only frozen keeps its leases', async () => {
  const { store } = postgres;
  const ref = await planned(store, 2);
  const child = await working('frozen', ref.jobId);
  child.kill('SIGSTOP');
  for (let look = 0; look < 10; look += 1) {
    assert.deepEqual(await store.endLeasesOfDeadWorkers(0), []);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGCONT');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.deepEqual(await dead(), ['frozen']);
});

test('a worker that was forgotten before it had its lock makes itself known again', async () => {
  const presence = new WorkerPresence({ url: database.url, applicationName: 'slow' }, 'slow');
  await withClient(database.url, async (client) => {
    const ask = async (sql: string, parameters: readonly unknown[] = []) =>
      (await client.query<{ readonly number: number }>(sql, [...parameters])).rows.map(({ number }) => number);
    const [first] = await ask(`INSERT INTO app.workers (worker) VALUES ('slow') RETURNING number`);
    await ask('SELECT pg_advisory_lock($1, $2)', [workerLockClass, first]);
    const starting = presence.start();
    const waiting = `SELECT objid::int AS number FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
    await eventually(async () => (await ask(waiting)).includes(Number(first)));
    await ask(`DELETE FROM app.workers WHERE worker = 'slow'`);
    await ask('SELECT pg_advisory_unlock_all()');
    await starting;
    const held = await ask(`SELECT l.objid::int AS number FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND a.application_name = 'slow'`);
    assert.deepEqual(held, await ask(`SELECT number FROM app.workers WHERE worker = 'slow'`));
    assert.equal(held.length, 1);
  });
  await presence.stop();
});

test('a lock that is free for a moment only is no death', async () => {
  const presence = new WorkerPresence({ url: database.url, applicationName: 'cut' }, 'cut');
  await presence.start();
  await withClient(database.url, (client) =>
    client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cut'"),
  );
  const until = Date.now() + 1500;
  while (Date.now() < until) assert.deepEqual(await postgres.store.endLeasesOfDeadWorkers(5000), []);
  const [row] = await postgres.database.query<{ missing_since: Date | null }>(
    "SELECT missing_since FROM app.workers WHERE worker = 'cut'",
  );
  await presence.stop();
  assert.deepEqual(row, { missing_since: null }, 'it came back, and an earlier look does not count any more');
});

test('a worker that ends in order leaves nothing behind', async () => {
  const presence = new WorkerPresence({ url: database.url, applicationName: 'ends' }, 'ends');
  await presence.start();
  await presence.stop();
  await presence.stop();
  const rows = await postgres.database.query("SELECT 1 FROM app.workers WHERE worker = 'ends'");
  assert.deepEqual(rows, []);
  assert.deepEqual(await postgres.store.endLeasesOfDeadWorkers(0), []);
});

test('of many lookers at once one buries the dead', async () => {
  const ref = await planned(postgres.store, 2);
  const child = await working('mourned', ref.jobId);
  await missed(child, 'mourned');
  const answers = await Promise.all(Array.from({ length: 20 }, () => postgres.store.endLeasesOfDeadWorkers(0)));
  assert.deepEqual(answers.flat(), ['mourned']);
});

test('a death is told as long as its leases have not ended: one statement that fails changes nothing', async () => {
  const { store } = postgres;
  const ref = await planned(store, 2);
  const child = await working('unburied', ref.jobId);
  await missed(child, 'unburied');
  const hurried = await openPostgres({ url: database.url, statementTimeoutMs: 300 });
  await withClient(database.url, async (client) => {
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM app.tasks WHERE worker = $1 FOR UPDATE', ['unburied']);
    await assert.rejects(hurried.store.endLeasesOfDeadWorkers(0), { code: 'DATABASE_UNAVAILABLE' });
    await client.query('ROLLBACK');
  });
  await hurried.close();
  assert.deepEqual(await store.endLeasesOfDeadWorkers(0), ['unburied']);
  assert.equal((await store.takeExpiredLeases(0, 100)).filter(({ jobId }) => jobId === ref.jobId).length, 2);
});

test('kill -9 of a worker that has just buried another: upkeep finds what that one had', async () => {
  const { store } = postgres;
  const ref = await planned(store, 2);
  const child = await working('buried', ref.jobId);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const burier = fork(join(import.meta.dirname, 'worker-presence.burier.child.ts'), [database.url], { silent: true });
  assert.deepEqual(await once(burier, 'exit'), [null, 'SIGKILL']);
  assert.deepEqual(await store.endLeasesOfDeadWorkers(0), [], 'a death is told once');
  const found = (await store.takeExpiredLeases(60_000, 100)).filter(({ jobId }) => jobId === ref.jobId);
  assert.deepEqual(
    found.map(({ task, worker }) => [task, worker]),
    [
      [0, 'buried'],
      [1, 'buried'],
    ],
  );
});

test('a task that its dead worker still held locked is given away when the lock is over', async () => {
  const { store } = postgres;
  const ref = await planned(store, 2);
  const child = await working('half-way', ref.jobId);
  await missed(child, 'half-way');
  await withClient(database.url, async (client) => {
    await client.query('BEGIN');
    await client.query("UPDATE app.tasks SET progress = 0.5 WHERE worker = 'half-way' AND task = 1");
    const burying = store.endLeasesOfDeadWorkers(0);
    const waiting =
      "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%take_dead_workers%'";
    // On another connection: within a transaction the server's view of its activity stays what it was at the first look.
    await eventually(async () => (await postgres.database.query(waiting)).length > 0);
    await client.query('COMMIT');
    assert.deepEqual(await burying, ['half-way']);
  });
  const found = (await store.takeExpiredLeases(0, 100)).filter(({ jobId }) => jobId === ref.jobId);
  assert.deepEqual(
    found.map(({ task }) => task),
    [0, 1],
  );
});
