import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrate } from '../../infrastructure/postgres/migrate.ts';
import { WorkerPresence, workerLockClass } from '../../infrastructure/postgres/presence.ts';
import { createTestDatabase, withClient } from '../tools/postgres.ts';
import { invariants } from './invariants.ts';

// What a storm seldom or never brings about is brought about here: the proof that it would be seen.

test('an advisory lock that is held in vain is seen; that of a worker that lives is none', async () => {
  const database = await createTestDatabase({ template: 'empty' });
  const config = { url: database.url, applicationName: 'worker-0' };
  const presence = new WorkerPresence(config, 'one');
  try {
    await migrate({ url: database.url });
    const { sql, parameters = [] } = invariants.find(({ name }) => name === 'no advisory lock is held in vain') ?? {};
    assert.ok(sql);
    const seen = () =>
      withClient(database.url, async (client) => (await client.query(sql, [...parameters])).rows.length);
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
    const { sql, parameters = [] } = invariants.find((one) => one.name === name) ?? {};
    assert.ok(sql, name);
    return withClient(database.url, async (client) => (await client.query(sql, [...parameters])).rows);
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
