import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import { Database } from '../../infrastructure/postgres/database.ts';
import { openPostgres, type Postgres } from '../../infrastructure/postgres/postgres.ts';
import { freePort } from '../../src/cli/testing/free-port.ts';
import { claimed, completed, longLease, newJob, planned } from '../contract/state-store-tools.ts';
import { FaultyProxy } from '../tools/faulty-proxy.ts';
import { eventually } from '../tools/poll.ts';
import { createTestDatabase, type TestDatabase, withClient } from '../tools/postgres.ts';

const unavailable = { name: 'CoreMachineError', code: 'DATABASE_UNAVAILABLE' };

let testDatabase: TestDatabase;
let postgres: Postgres;

before(async () => {
  testDatabase = await createTestDatabase({ template: 'empty' });
  postgres = await openPostgres({ url: testDatabase.url, poolSize: 4, marksWaitMs: 0 });
});
after(async () => {
  await postgres?.close();
  await testDatabase?.drop();
});

/** The test database's URL with some of its parts changed. */
function urlWith(change: (url: URL) => void): string {
  const url = new URL(testDatabase.url);
  change(url);
  return url.href;
}

async function processIdOf(database: Database): Promise<number> {
  const [row] = await database.query<{ readonly pid: number }>('SELECT pg_backend_pid() AS pid');
  assert.ok(row);
  return row.pid;
}

async function terminate(pid: number): Promise<void> {
  await withClient(testDatabase.url, async (client) => {
    await client.query('SELECT pg_terminate_backend($1)', [pid]);
  });
}

describe('opening', () => {
  test('a server that is not there', async () => {
    const port = await freePort();
    const url = urlWith((parts) => {
      parts.port = String(port);
    });
    await assert.rejects(openPostgres({ url }), unavailable);
  });

  test('a host, a database and a login that do not exist', async () => {
    const changes: ((url: URL) => void)[] = [
      (url) => {
        url.hostname = 'no-such-host.invalid';
      },
      (url) => {
        url.pathname = '/no_such_database';
      },
      (url) => {
        url.username = 'no_such_role';
      },
    ];
    for (const change of changes) await assert.rejects(openPostgres({ url: urlWith(change) }), unavailable);
  });

  test('a server that does not speak TLS when it is asked for', async () => {
    const url = urlWith((parts) => parts.searchParams.set('sslmode', 'verify-full'));
    await assert.rejects(openPostgres({ url }), unavailable);
  });

  test('a server that takes the connection and says nothing', async (context) => {
    const proxy = await FaultyProxy.to(Number(new URL(testDatabase.url).port));
    context.after(() => proxy.close());
    proxy.fault = { afterBytes: 0, how: 'stall' };
    const url = urlWith((parts) => {
      parts.host = `127.0.0.1:${proxy.port}`;
    });
    await assert.rejects(openPostgres({ url, connectTimeoutMs: 500 }), unavailable);
  });

  test('a token as the password, asked for by each new connection', async () => {
    const { password } = new URL(testDatabase.url);
    let asked = 0;
    const credential = {
      getToken: async () => ({ token: decodeURIComponent(password), expiresOnTimestamp: asked++ }),
    };
    const url = urlWith((parts) => {
      parts.password = '';
      parts.searchParams.set('sslmode', 'disable');
    });
    const opened = await openPostgres({ url, auth: 'entra', credential });
    try {
      assert.equal(asked, 2);
      await Promise.all([1, 2, 3].map(() => opened.database.query('SELECT pg_sleep(0.1)')));
      assert.ok(asked >= 3, `${asked} tokens for three connections and the migration's`);
    } finally {
      await opened.close();
    }
    const wrong = { getToken: async () => ({ token: 'not it', expiresOnTimestamp: 0 }) };
    await assert.rejects(openPostgres({ url, auth: 'entra', credential: wrong }), unavailable);
  });

  test('what the server is', async () => {
    const { backend } = postgres;
    assert.match(backend.version, /^1[4-9]\.\d+/);
    assert.deepEqual([backend.kind, backend.copyFromStdin, backend.ownSession], ['postgresql', true, true]);
    const health = await postgres.health();
    assert.deepEqual([health.backend, health.version], ['postgresql', backend.version]);
  });

  test('connections carry their name and their time limits', async () => {
    const settings = ['application_name', 'statement_timeout', 'idle_in_transaction_session_timeout'];
    const [row] = await postgres.database.query(
      `SELECT ${settings.map((name) => `current_setting('${name}') AS ${name}`)}`,
    );
    assert.deepEqual(row, {
      application_name: 'coremachine',
      statement_timeout: '30s',
      idle_in_transaction_session_timeout: '1min',
    });
  });
});

describe('while it runs', () => {
  test('a connection that is ended by the server fails its statement and no other', async () => {
    const { database } = postgres;
    const running = database.transaction(async (query) => {
      const [row] = await query<{ readonly pid: number }>('SELECT pg_backend_pid() AS pid');
      await terminate(row?.pid ?? 0);
      await query('SELECT 1');
    });
    await assert.rejects(running, unavailable);
    assert.deepEqual(await database.query('SELECT 1 AS one'), [{ one: 1 }]);
  });

  test('an idle connection that is ended by the server is replaced', async () => {
    const database = new Database({ url: testDatabase.url, poolSize: 1 });
    try {
      const pid = await processIdOf(database);
      await terminate(pid);
      const newPid = await eventually(() => processIdOf(database));
      assert.notEqual(newPid, pid);
    } finally {
      await database.close();
    }
  });

  test('a connection that breaks in the middle of an answer', async (context) => {
    const proxy = await FaultyProxy.to(Number(new URL(testDatabase.url).port));
    context.after(() => proxy.close());
    const url = urlWith((parts) => {
      parts.host = `127.0.0.1:${proxy.port}`;
    });
    const database = new Database({ url });
    try {
      await processIdOf(database);
      proxy.fault = { afterBytes: 20_000, how: 'cut', times: 1 };
      await assert.rejects(database.query("SELECT repeat('x', 1000000)"), unavailable);
      assert.equal(proxy.struck, 1);
      await processIdOf(database);
    } finally {
      await database.close();
    }
  });

  test('a connection that brings nothing more is given up soon after the time limit', {
    timeout: 30_000,
  }, async (context) => {
    const proxy = await FaultyProxy.to(Number(new URL(testDatabase.url).port));
    context.after(() => proxy.close());
    const url = urlWith((parts) => {
      parts.host = `127.0.0.1:${proxy.port}`;
    });
    const database = new Database({ url, statementTimeoutMs: 200 });
    try {
      await processIdOf(database);
      proxy.fault = { afterBytes: 0, how: 'stall', times: 1 };
      await assert.rejects(database.query('SELECT 1'), unavailable);
      await processIdOf(database);
    } finally {
      await database.close();
    }
  });

  test('a statement that takes too long is cancelled by the server', async () => {
    const database = new Database({ url: testDatabase.url, statementTimeoutMs: 150 });
    try {
      const error = await database.query('SELECT pg_sleep(20)').catch((caught: unknown) => caught);
      assert.ok(error instanceof CoreMachineError && error.cause instanceof pg.DatabaseError);
      assert.deepEqual([error.code, error.cause.code], ['DATABASE_UNAVAILABLE', '57014']);
    } finally {
      await database.close();
    }
  });

  test('no connection free in time', async () => {
    const database = new Database({ url: testDatabase.url, poolSize: 1, connectTimeoutMs: 300 });
    try {
      const held = database.query('SELECT pg_sleep(1)');
      await assert.rejects(database.query('SELECT 1'), unavailable);
      await held;
    } finally {
      await database.close();
    }
  });

  test('a wrong statement is its own error, and costs no connection', async () => {
    const database = new Database({ url: testDatabase.url, poolSize: 1 });
    try {
      const pid = await processIdOf(database);
      await assert.rejects(database.query('SELEC 1'), (error: unknown) => {
        assert.ok(error instanceof pg.DatabaseError);
        assert.equal(error.code, '42601');
        return true;
      });
      assert.equal(await processIdOf(database), pid);
    } finally {
      await database.close();
    }
  });
});

describe('transactions', () => {
  before(() => postgres.database.query('CREATE TABLE app.counters (name text PRIMARY KEY, n int NOT NULL)'));

  const counter = async (name: string) => {
    const [row] = await postgres.database.query<{ readonly n: number }>('SELECT n FROM app.counters WHERE name = $1', [
      name,
    ]);
    return row?.n;
  };

  test('what the work throws undoes everything and comes out as it is', async () => {
    const reason = new Error('changed my mind');
    const work = postgres.database.transaction(async (query) => {
      await query("INSERT INTO app.counters VALUES ('undone', 1)");
      throw reason;
    });
    await assert.rejects(work, (error) => error === reason);
    assert.equal(await counter('undone'), undefined);
  });

  test('a wrong statement in it undoes everything, and the connection goes on', async () => {
    const work = postgres.database.transaction(async (query) => {
      await query("INSERT INTO app.counters VALUES ('undone', 1)");
      await query("INSERT INTO app.counters VALUES ('undone', 2)");
    });
    await assert.rejects(work, { code: '23505' });
    assert.equal(await counter('undone'), undefined);
  });

  test('a deadlock is tried again until both have done their work', { timeout: 30_000 }, async () => {
    const { database } = postgres;
    await database.query("INSERT INTO app.counters VALUES ('a', 0), ('b', 0)");
    let attempts = 0;
    let holding = 0;
    const { promise: bothHoldOne, resolve: goOn } = Promise.withResolvers<void>();
    const add = (names: readonly [string, string]) =>
      database.transaction(async (query) => {
        attempts += 1;
        await query('UPDATE app.counters SET n = n + 1 WHERE name = $1', [names[0]]);
        holding += 1;
        if (holding === 2) goOn();
        await bothHoldOne;
        await query('UPDATE app.counters SET n = n + 1 WHERE name = $1', [names[1]]);
      });
    await Promise.all([add(['a', 'b']), add(['b', 'a'])]);
    assert.ok(attempts >= 3, `${attempts} attempts: there was no deadlock`);
    assert.deepEqual([await counter('a'), await counter('b')], [2, 2]);
  });

  test('a server whose default is stricter does not change how transactions see each other', async () => {
    const database = new Database({ url: testDatabase.url, poolSize: 1 });
    try {
      await database.query("SET default_transaction_isolation TO 'serializable'");
      const level = await database.transaction((query) =>
        query<{ readonly transaction_isolation: string }>('SHOW transaction_isolation'),
      );
      assert.equal(level[0]?.transaction_isolation, 'read committed');
    } finally {
      await database.close();
    }
  });
});

describe('the state store', () => {
  test('one task with data that cannot be stored does not take the others of its batch with it', async () => {
    const { store } = postgres;
    const ref = await planned(store, 10);
    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, (_, task) =>
        // U+0000 cannot be in a text of PostgreSQL.
        store.claimTask({ ...ref, task }, { worker: task === 4 ? 'w\0' : 'w', leaseMs: 60_000 }),
      ),
    );
    for (const [task, answer] of answers.entries()) {
      if (task === 4) assert.equal(answer.status, 'rejected');
      else assert.equal(answer.status === 'fulfilled' && answer.value.kind, 'claimed', `task ${task}`);
    }
    assert.equal((await claimed(store, { ...ref, task: 4 })).attempt, 1);
  });

  test('calls during an outage are rejected, and those after it work', async (context) => {
    const proxy = await FaultyProxy.to(Number(new URL(testDatabase.url).port));
    context.after(() => proxy.close());
    const url = urlWith((parts) => {
      parts.host = `127.0.0.1:${proxy.port}`;
    });
    const through = await openPostgres({ url });
    try {
      const { store } = through;
      const ref = await planned(store, 20);
      proxy.fault = { afterBytes: 0, how: 'cut' };
      const claims = Array.from({ length: 20 }, (_, task) => store.claimTask({ ...ref, task }, longLease));
      const calls = [...claims, store.hasOpenTasks(ref), store.endAttempt({ ...ref, task: 0 }, 1, completed(1))];
      const others = [store.getJob(ref.jobId), store.advanceJob(ref), store.submitJob(newJob(), { force: false })];
      for (const answer of await Promise.allSettled([...calls, ...others, through.health()])) {
        assert.equal(answer.status, 'rejected');
        assert.ok(answer.reason instanceof CoreMachineError);
        assert.equal(answer.reason.code, 'DATABASE_UNAVAILABLE');
      }
      proxy.fault = null;
      // A claim whose answer was lost may have been made; the others are there to be taken.
      const kinds = await Promise.all(
        Array.from({ length: 20 }, (_, task) => store.claimTask({ ...ref, task }, longLease)),
      );
      assert.ok(kinds.every(({ kind }) => kind === 'claimed' || kind === 'busy'));
      assert.equal(await store.hasOpenTasks(ref), true);
    } finally {
      await through.close();
    }
  });

  test('a stage whose creation breaks off is not there at all', async () => {
    const { store, database } = postgres;
    const job = newJob();
    await store.submitJob(job, { force: false });
    const ref = { jobId: job.jobId, run: 1, stage: 1 };
    const tasks = Array.from({ length: 12_000 }, (_, n) => ({ key: n === 11_999 ? 'nul \0' : `k${n}`, input: n }));
    const stage = { name: 's', handler: 'h', parallelism: 'single', policy: 'fail' } as const;
    await assert.rejects(store.createStage(ref, stage, tasks), { code: '22021' });
    assert.deepEqual(await store.getStages(job.jobId, 1), []);
    assert.equal((await store.getJob(job.jobId))?.status, 'queued');
    const [left] = await database.query(
      'SELECT 1 FROM app.tasks t JOIN app.jobs j ON j.id = t.job WHERE j.job_id = $1',
      [job.jobId],
    );
    assert.equal(left, undefined);
    assert.equal(await store.createStage(ref, stage, tasks.slice(0, 5)), 'created');
  });

  test('the stored row, as people see it', async () => {
    const { store } = postgres;
    const job = newJob({
      parameters: { z: 1, a: 2 },
      metadata: { dataset_id: 'd' },
      correlationId: 'c-9',
      totalStages: 1,
    });
    await store.submitJob(job, { force: false });
    const ref = { jobId: job.jobId, run: 1, stage: 1 };
    await store.markJobPublished(ref);
    await store.finishJob(ref, { status: 'completed', result: { job_type: 'x', a: 1 }, error: null, callback: true });
    const row = await postgres.rawJobRow(job.jobId);
    assert.ok(row);
    const { message_sent_at, created_at, completed_at, updated_at, ...rest } = row;
    for (const time of [message_sent_at, created_at, completed_at, updated_at]) {
      assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
    assert.deepEqual(rest, {
      job_id: job.jobId,
      job_type: job.jobType,
      status: 'completed',
      run: 1,
      stage: 1,
      total_stages: 1,
      taken_over_run: null,
      parameters: { z: 1, a: 2 },
      metadata: { dataset_id: 'd' },
      result_data: { job_type: 'x', a: 1 },
      error: null,
      correlation_id: 'c-9',
      callback_due: true,
      callback_delivered_at: null,
      started_at: null,
    });
    assert.equal(JSON.stringify(row.parameters), '{"z":1,"a":2}');
    assert.equal(await postgres.rawJobRow('0'.repeat(64)), null);
  });
});
