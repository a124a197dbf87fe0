import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { migrate } from '../../infrastructure/postgres/migrate.ts';
import { WorkerPresence, workerLockClass } from '../../infrastructure/postgres/presence.ts';
import { eventually } from '../tools/poll.ts';
import { createTestDatabase, withClient } from '../tools/postgres.ts';
import { refereeName } from './arena.ts';
import { invariants } from './invariants.ts';

// What a storm seldom or never brings about is brought about here: the proof that it would be seen.

const byName = (name: string) => {
  const { sql, parameters = [] } = invariants.find((one) => one.name === name) ?? {};
  assert.ok(sql, `there is no invariant "${name}"`);
  return { sql, parameters: [...parameters] };
};

test('an advisory lock that is held in vain is seen; that of a worker that lives is none', async () => {
  const database = await createTestDatabase({ template: 'empty' });
  const config = { url: database.url, applicationName: 'worker-0' };
  const presence = new WorkerPresence(config, 'one');
  try {
    await migrate({ url: database.url });
    const { sql, parameters } = byName('no advisory lock is held in vain');
    const seen = () => withClient(database.url, async (client) => (await client.query(sql, parameters)).rows.length);
    await presence.start();
    assert.equal(await seen(), 0);
    await withClient(database.url, async (leaking) => {
      await leaking.query('SELECT pg_advisory_lock(42)');
      assert.equal(await seen(), 1);
      await leaking.query('SELECT pg_advisory_lock($1, $2)', [workerLockClass, 4711]);
      assert.equal(await seen(), 2, 'nor may a worker that is forgotten hold one');
      await leaking.query('SELECT pg_advisory_unlock_all()');
    });
    assert.equal(await seen(), 0);
  } finally {
    await presence.stop();
    await database.drop();
  }
});

test('a worker that died and is not forgotten is seen, and one that lives and is not known', async () => {
  const database = await createTestDatabase({ template: 'empty' });
  const presence = new WorkerPresence({ url: database.url, applicationName: 'worker-0' }, 'worker-0:1');
  const found = (name: string) => {
    const { sql, parameters } = byName(name);
    return withClient(database.url, async (client) => (await client.query(sql, parameters)).rows);
  };
  try {
    await migrate({ url: database.url });
    await presence.start();
    assert.deepEqual(
      [await found('workers that died are forgotten'), await found('workers that live are known')],
      [[], []],
    );
    await withClient(database.url, async (client) => {
      await client.query(`INSERT INTO app.workers (worker) VALUES ('worker-1:2')`);
      await client.query(`SET application_name = 'worker-1'`);
      assert.equal((await found('workers that died are forgotten')).length, 1);
      assert.deepEqual(await found('workers that live are known'), [{ application_name: 'worker-1' }]);
    });
  } finally {
    await presence.stop();
    await database.drop();
  }
});

test('a connection that is left in a transaction is seen, and one that waits for its lock', async () => {
  const database = await createTestDatabase({ template: 'empty' });
  try {
    await withClient(database.url, async (referee) => {
      const seen = async (name: string) => {
        const { sql, parameters } = byName(name);
        return (await referee.query(sql, parameters)).rows.length;
      };
      assert.deepEqual(
        [await seen('no connection is left in a transaction'), await seen('no lock is waited for')],
        [0, 0],
      );
      await referee.query('CREATE TABLE held (id int)');
      await withClient(database.url, async (holder) => {
        await holder.query('BEGIN; LOCK TABLE held');
        await eventually(async () => (await seen('no connection is left in a transaction')) === 1);
        await withClient(database.url, async (waiter) => {
          const waiting = waiter.query('SELECT FROM held');
          await eventually(async () => (await seen('no lock is waited for')) === 1);
          await holder.query('ROLLBACK');
          await waiting;
        });
      });
      assert.deepEqual(
        [await seen('no connection is left in a transaction'), await seen('no lock is waited for')],
        [0, 0],
      );
    });
  } finally {
    await database.drop();
  }
});

test('a worker with a connection more than its pool has is seen, and a connection that is nobody’s', async () => {
  const database = await createTestDatabase({ template: 'empty' });
  const { sql, parameters } = byName('no worker has more connections than its pool');
  const named = (name: string) => new pg.Client({ connectionString: database.url, application_name: name });
  const clients = [named(refereeName), ...Array.from({ length: 7 }, () => named('worker-0'))];
  try {
    const [referee] = await Promise.all(clients.map((client) => client.connect().then(() => client)));
    const seen = async () => (await referee?.query(sql, parameters))?.rows;
    assert.deepEqual(await seen(), []);
    for (const name of ['worker-0', 'psql']) {
      const one = named(name);
      clients.push(one);
      await one.connect();
    }
    const rows = await seen();
    assert.deepEqual(rows?.map(({ application_name, count }) => `${application_name} ${count}`).sort(), [
      'psql 1',
      'worker-0 8',
    ]);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    await database.drop();
  }
});
