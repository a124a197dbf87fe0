import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPostgres, type Postgres } from '../../infrastructure/postgres/postgres.ts';
import { completed, newStage, newTasks, planned, run, submitted, tally } from '../contract/state-store-tools.ts';
import { startPglite, type TestPglite } from '../tools/pglite.ts';
import { eventually } from '../tools/poll.ts';

let pglite: TestPglite;
let postgres: Postgres;

before(async () => {
  pglite = await startPglite();
  postgres = await openPostgres({ url: pglite.url });
});
after(async () => {
  await postgres?.close();
  await pglite?.stop();
});

describe('PGlite behind its socket server', () => {
  test('is told from a PostgreSQL server', () => {
    const { kind, version, copyFromStdin, ownSession } = postgres.backend;
    assert.deepEqual([kind, copyFromStdin, ownSession], ['pglite', false, false]);
    assert.match(version, /^\d+\.\d+$/);
  });

  test('statements of many connections do not mix up their parameters', async () => {
    const { database } = postgres;
    const ask = async (n: number) => {
      const statement =
        n % 2 === 0 ? 'SELECT $1::int AS n, $2::text AS t' : 'SELECT $2::text AS t, $1::int AS n, 1 AS more';
      const [row] = await database.query<{ readonly n: number; readonly t: string }>(statement, [n, `text ${n}`]);
      return row?.n === n && row.t === `text ${n}`;
    };
    const answers = await Promise.all(Array.from({ length: 400 }, (_, n) => ask(n)));
    assert.deepEqual(tally(answers), { true: 400 });
  });

  test('transactions of many connections come one after the other', async () => {
    const { database } = postgres;
    await database.query('CREATE TABLE app.counter AS SELECT 0 AS n');
    const increment = (fail: boolean) =>
      database.transaction(async (query) => {
        const [row] = await query<{ readonly n: number }>('SELECT n FROM app.counter');
        await query('UPDATE app.counter SET n = $1', [(row?.n ?? 0) + 1]);
        if (fail) throw new Error('undo');
      });
    const answers = await Promise.allSettled(Array.from({ length: 60 }, (_, n) => increment(n % 3 === 0)));
    assert.deepEqual(tally(answers.map(({ status }) => status)), { fulfilled: 40, rejected: 20 });
    const [row] = await database.query<{ readonly n: number }>('SELECT n FROM app.counter');
    assert.equal(row?.n, 40);
  });

  test('an error in one transaction leaves the others alone', async () => {
    const { database } = postgres;
    const broken = database.transaction((query) => query('SELECT 1/0'));
    const good = database.query('SELECT 1 AS one');
    await assert.rejects(broken, { code: '22012' });
    assert.deepEqual(await good, [{ one: 1 }]);
  });

  test('a client that goes away in the middle of a transaction does not hold up the others', async () => {
    const client = await postgres.pool.connect();
    await client.query('BEGIN');
    await client.query('CREATE TABLE app.left_behind (n int)');
    client.release(true);
    const gone = await eventually(() => postgres.database.query("SELECT to_regclass('app.left_behind') AS table"));
    assert.deepEqual(gone, [{ table: null }]);
  });

  test('work on one job while another is being planned', { timeout: 60_000 }, async () => {
    const { store } = postgres;
    const ref = await planned(store, 50);
    const other = await submitted(store);
    const [outcome] = await Promise.all([
      store.createStage(other, newStage(), newTasks(20_000)),
      ...Array.from({ length: 50 }, (_, task) => run(store, { ...ref, task }, completed(task))),
    ]);
    assert.equal(outcome, 'created');
    assert.equal(await store.advanceJob(ref), true);
    assert.equal((await store.getStages(other.jobId, 1))[0]?.counts.queued, 20_000);
  });

  test('health', async () => {
    assert.equal((await postgres.health()).backend, 'pglite');
  });
});
