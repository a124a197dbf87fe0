import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type pg from 'pg';
import type { StageRef, TaskRef } from '../../core/ports/state-store.ts';
import { jobStatuses, taskStatuses } from '../../core/states.ts';
import { openPostgres, type Postgres } from '../../infrastructure/postgres/postgres.ts';
import { query } from '../../infrastructure/postgres/sql-files.ts';
import { longLease, newJob, newTasks, planned, retry, run, submitted } from '../contract/state-store-tools.ts';
import { eventually } from '../tools/poll.ts';
import { createTestDatabase, type TestDatabase, withClient } from '../tools/postgres.ts';

/** A stage this large makes a statement that passes over its tasks touch hundreds of pages. */
const many = 20_000;

let testDatabase: TestDatabase;
let postgres: Postgres;
let big: StageRef;

before(async () => {
  testDatabase = await createTestDatabase({ template: 'empty' });
  postgres = await openPostgres({ url: testDatabase.url });
  // So that nothing tidies up or gathers statistics in the middle of a test.
  for (const table of ['jobs', 'stages', 'tasks']) {
    await postgres.database.query(`ALTER TABLE app.${table} SET (autovacuum_enabled = false)`);
  }
  big = await planned(postgres.store, many, { job: { totalStages: 3 } });
});
after(async () => {
  await postgres?.close();
  await testDatabase?.drop();
});

interface PlanNode {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

interface ExplainRow {
  readonly 'QUERY PLAN': readonly [{ readonly Plan: PlanNode }];
}

class Undo extends Error {}

/** Runs a statement, undoes it, and tells what it read. */
async function planOf(name: string, parameters: readonly unknown[]): Promise<PlanNode> {
  let plan: PlanNode | undefined;
  const work = postgres.database.transaction(async (ask) => {
    const explain = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${query(name)}`;
    // A session's first call of a function reads the catalogue, to plan what is in it.
    await ask('SAVEPOINT planned');
    await ask(explain, parameters);
    await ask('ROLLBACK TO planned');
    const [row] = await ask<ExplainRow>(explain, parameters);
    plan = row?.['QUERY PLAN'][0].Plan;
    throw new Undo();
  });
  await assert.rejects(work, Undo);
  assert.ok(plan);
  return plan;
}

async function pagesOf(name: string, parameters: readonly unknown[]): Promise<number> {
  const plan = await planOf(name, parameters);
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}

function indexesOf(plan: PlanNode): string[] {
  return nodesOf(plan).flatMap((node) => node['Index Name'] ?? []);
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

function column<T>(value: T, times: number): T[] {
  return Array.from({ length: times }, () => value);
}

/** The first four parameters of the statements that take arrays of tasks. */
function taskArrays(ref: StageRef, tasks: readonly number[]) {
  const times = tasks.length;
  return [column(ref.jobId, times), column(ref.run, times), column(ref.stage, times), tasks];
}

/** What a statement may read, in pages of 8 kB. The whole stage is more than 800, and a scan of one index more than 70. */
function testCosts(state: string): void {
  describe(`with ${state}, cost does not grow with the stage`, () => {
    const places: Readonly<Record<string, number>> = { first: 0, middle: many / 2, last: many - 1 };
    for (const [place, task] of Object.entries(places)) {
      test(`claiming, renewing and ending the ${place} task`, async () => {
        const key = [big.jobId, 1, 1, task];
        for (const claim of ['claim_tasks', 'claim_contested']) {
          assert.ok((await pagesOf(claim, [...taskArrays(big, [task]), ['w'], [1000]])) < 40, claim);
        }
        const end = [...taskArrays(big, [task]), [1], ['completed'], ['1'], [null], [null]];
        assert.ok((await pagesOf('end_attempts', end)) < 40);
        assert.ok((await pagesOf('renew_lease', [...key, 1, 1000, null])) < 20);
      });
    }

    test('claiming and ending 64 of them', async () => {
      const tasks = Array.from({ length: 64 }, (_, index) => many - 1 - index * 3);
      for (const claim of ['claim_tasks', 'claim_contested']) {
        const pages = await pagesOf(claim, [...taskArrays(big, tasks), column('w', 64), column(1000, 64)]);
        assert.ok(pages < 64 * 25, `${claim}: ${pages} pages`);
      }
      const ends = [column(1, 64), column('failed', 64), column(null, 64), column('{}', 64), column(null, 64)];
      const end = await pagesOf('end_attempts', [...taskArrays(big, tasks), ...ends]);
      assert.ok(end < 64 * 25, `${end} pages`);
    });

    test('asking for open tasks, by the index of open tasks', async () => {
      const plan = await planOf('has_open_tasks', [[big.jobId], [1], [1]]);
      assert.ok(plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] < 20);
      assert.ok(indexesOf(plan).includes('tasks_open'), indexesOf(plan).join());
    });

    test('a page of tasks or results from the middle', async () => {
      const middle = many / 2;
      assert.ok((await pagesOf('list_tasks', [big.jobId, 1, null, null, 1, middle, 20])) < 80);
      assert.ok((await pagesOf('list_tasks', [big.jobId, 1, 1, null, null, null, 20])) < 80);
      assert.ok((await pagesOf('result_page', [big.jobId, 1, 1, many - 50, 20, 1e6])) < 40);
    });

    test('looking for dead workers when nobody died: no task', async () => {
      const nodes = nodesOf(await planOf('take_dead_workers', [1, 1000]));
      assert.ok(nodes.every((node) => node['Shared Hit Blocks'] + node['Shared Read Blocks'] < 10));
    });

    test('advancing too early, and looking for stages to close', async () => {
      assert.ok((await pagesOf('advance_jobs', [[big.jobId], [1], [1]])) < 40);
      assert.ok((await pagesOf('complete_jobs', [[big.jobId], [1], [1], ['completed'], ['{}'], [null], [false]])) < 40);
      assert.ok((await pagesOf('mark_jobs_published', [[big.jobId], [1], [1]])) < 40);
      assert.ok((await pagesOf('mark_tasks_published', [[big.jobId], [1], [1], [many]])) < 40);
      assert.ok((await pagesOf('find_stages_to_close', [0, 100])) < 60);
      assert.ok((await pagesOf('find_stages_to_publish', [0, 100])) < 60);
      assert.ok((await pagesOf('find_jobs_to_publish', [0, 0, 100])) < 60);
    });

    test('a list of jobs, by its index', async () => {
      const page = [null, null, null, null, null, 2];
      assert.ok((await pagesOf('list_jobs', page)) < 40);
    });

    test('ending the job passes over its tasks once, not once for each', async () => {
      const [job] = await postgres.database.query<{ readonly id: string }>(
        'SELECT id FROM app.jobs WHERE job_id = $1',
        [big.jobId],
      );
      const pages = await pagesOf('cancel_open_tasks', [job?.id, 1, 1]);
      assert.ok(pages < many * 20, `${pages} pages`);
    });
  });
}

describe('the cost of statements', () => {
  testCosts('tables nobody has analysed');

  describe('with statistics', () => {
    before(() => postgres.database.query('ANALYZE app.jobs, app.stages, app.tasks'));
    testCosts('statistics');
  });

  test('after most tasks have ended and no vacuum has come by, asking is as cheap as before', async () => {
    const { store } = postgres;
    const ref = await planned(store, 6_000);
    const before = await pagesOf('has_open_tasks', [[ref.jobId], [1], [1]]);
    const numbers = Array.from({ length: 5_990 }, (_, task) => task);
    while (numbers.length > 0) await Promise.all(numbers.splice(0, 500).map((task) => run(store, { ...ref, task })));
    const afterwards = await pagesOf('has_open_tasks', [[ref.jobId], [1], [1]]);
    assert.ok(afterwards <= before + 10, `${before} pages before, ${afterwards} after`);
  });
});

test('what a session planned when the tables were empty is as right for a large stage', async () => {
  const { url, drop } = await createTestDatabase({ template: 'empty' });
  const fresh = await openPostgres({ url });
  const nobody = { jobId: '0'.repeat(64), run: 1, stage: 1 };
  const pages = async (client: pg.Client, name: string, parameters: readonly unknown[]) => {
    const explain = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${query(name)}`;
    const { rows } = await client.query<ExplainRow>(explain, [...parameters]);
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    return (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0);
  };
  const claim = (ref: StageRef) => [...taskArrays(ref, [many / 2]), ['w'], [60_000]];
  const end = (ref: StageRef) => [...taskArrays(ref, [many / 2]), [1], ['completed'], ['1'], [null], [null]];
  try {
    await withClient(url, async (client) => {
      await pages(client, 'claim_tasks', claim(nobody));
      await pages(client, 'end_attempts', end(nobody));
      const ref = await planned(fresh.store, many);
      for (const [name, parameters] of [['claim_tasks', claim(ref)] as const, ['end_attempts', end(ref)] as const]) {
        const touched = await pages(client, name, parameters);
        assert.ok(touched > 5 && touched < 60, `${name}: ${touched} pages`);
      }
    });
  } finally {
    await fresh.close();
    await drop();
  }
});

test('what a session planned with one job reads no other job’s rows when many are active', async () => {
  const { url, drop } = await createTestDatabase({ template: 'empty' });
  const fresh = await openPostgres({ url });
  const oneEach = () => planned(fresh.store, 1, { job: { totalStages: 2 } });
  try {
    await withClient(url, async (client) => {
      await rowsRead(client, [await oneEach()]);
      const refs = await Promise.all(Array.from({ length: 400 }, oneEach));
      const read = await rowsRead(client, refs.slice(0, 20));
      for (const [name, rows] of Object.entries(read)) assert.ok(rows <= 20 * 8, `${name} reads ${rows} rows`);
    });
  } finally {
    await fresh.close();
    await drop();
  }
});

/** Takes each job through its two stages, undoes it, and tells how many rows of jobs and stages each statement read. */
async function rowsRead(client: pg.Client, refs: readonly StageRef[]): Promise<Record<string, number>> {
  const all = <T>(value: T) => column(value, refs.length);
  const at = (stage: number) => [refs.map(({ jobId }) => jobId), all(1), all(stage)];
  const stage = [all('s'), all('h'), all('single'), all('fail'), all(0), [], [], [], []];
  const steps: readonly (readonly [string, readonly unknown[]])[] = [
    ['claim_tasks', [...at(1), all(0), all('w'), all(60_000)]],
    ['end_attempts', [...at(1), all(0), all(1), all('completed'), all('1'), all(null), all(null)]],
    ['advance_jobs', at(1)],
    ['create_stages', [...at(2), ...stage]],
    ['complete_jobs', [...at(2), all('completed'), all('{}'), all(null), all(false)]],
  ];
  const rowsSoFar = async () => {
    const { rows } = await client.query<{ readonly rows: number }>(
      `SELECT sum(idx_tup_fetch + seq_tup_read)::int AS rows FROM pg_stat_xact_user_tables
       WHERE relname IN ('jobs', 'stages')`,
    );
    return rows[0]?.rows ?? 0;
  };
  const read: Record<string, number> = {};
  await client.query('BEGIN');
  for (const [name, parameters] of steps) {
    const before = await rowsSoFar();
    const { rows } = await client.query<{ readonly taken?: unknown[]; readonly ended?: unknown[] }>(query(name), [
      ...parameters,
    ]);
    assert.equal((rows[0]?.taken ?? rows[0]?.ended ?? rows).length, refs.length, name);
    read[name] = (await rowsSoFar()) - before;
  }
  await client.query('ROLLBACK');
  return read;
}

describe('updates', () => {
  test('claims, heartbeats and retries touch no index', async () => {
    // A database of its own: the server's counters come late, and would tell of other tests' updates too.
    const { url, drop } = await createTestDatabase({ template: 'empty' });
    const { store, close } = await openPostgres({ url });
    const each = async (place: TaskRef) => {
      assert.equal((await store.claimTask(place, longLease)).kind, 'claimed');
      await store.renewLease(place, { attempt: 1, leaseMs: 60_000, progress: 0.5 });
      if (place.task % 10 === 0) await store.endAttempt(place, 1, retry(60_000));
    };
    try {
      const ref = await planned(store, 2_000);
      const numbers = Array.from({ length: 2_000 }, (_, task) => task);
      while (numbers.length > 0) await Promise.all(numbers.splice(0, 100).map((task) => each({ ...ref, task })));
    } finally {
      // A connection reports what it counted when it ends, else up to ten seconds later.
      await close();
    }
    try {
      const counts = await withClient(url, (client) =>
        eventually(async () => {
          const { rows } = await client.query<{ readonly all: number; readonly hot: number }>(
            "SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = 'tasks'",
          );
          return rows[0]?.all === 4_200 ? rows[0] : null;
        }),
      );
      // The rest found their page full, more of them on a busy machine; with an index on what they change it would be all.
      assert.ok(counts.hot / counts.all > 0.4, `${counts.hot} of ${counts.all} were heap-only`);
    } finally {
      await drop();
    }
  });

  test('no statement that reads changes anything, no finder locks a task', async () => {
    for (const name of ['get_jobs', 'list_jobs', 'get_stages', 'list_tasks', 'result_page', 'first_failure']) {
      assert.doesNotMatch(query(name), /UPDATE|INSERT|DELETE/, name);
    }
    for (const name of ['find_stages_to_close', 'find_jobs_to_publish', 'find_stages_to_publish']) {
      assert.doesNotMatch(query(name), /UPDATE|INSERT|DELETE/, name);
    }
  });
});

describe('what the tables refuse', () => {
  let ref: StageRef;
  before(async () => {
    ref = await planned(postgres.store, 2);
  });

  const refused = async (statement: string, code = '23514') =>
    assert.rejects(postgres.database.query(statement.replaceAll('$job', `'${ref.jobId}'`)), { code }, statement);

  const ofTask = 'WHERE task = 0 AND job = (SELECT id FROM app.jobs WHERE job_id = $job)';

  test('states that are not in core’s tables', async () => {
    await refused("UPDATE app.jobs SET status = 'paused' WHERE job_id = $job");
    await refused(`UPDATE app.tasks SET status = 'pending' ${ofTask}`);
  });

  test('core’s states are the tables’ states', async () => {
    const rows = await postgres.database.query<{ readonly table: string; readonly text: string }>(
      `SELECT conrelid::regclass::text AS table, pg_get_constraintdef(oid) AS text FROM pg_constraint
       WHERE conname IN ('jobs_status_check', 'tasks_status_check') ORDER BY conname`,
    );
    const states = rows.map(({ text }) => [...text.matchAll(/'(\w+)'/g)].map((match) => match[1]).sort());
    assert.deepEqual(states, [[...jobStatuses].sort(), [...taskStatuses].sort()]);
  });

  test('an end without its time, and a time without an end', async () => {
    await refused("UPDATE app.jobs SET status = 'failed' WHERE job_id = $job");
    await refused('UPDATE app.jobs SET completed_at = now() WHERE job_id = $job');
    await refused(`UPDATE app.tasks SET status = 'failed' ${ofTask}`);
    await refused(`UPDATE app.tasks SET finished_at = now() ${ofTask}`);
  });

  test('running without a lease, retrying without a time, completed without a result', async () => {
    await refused(`UPDATE app.tasks SET status = 'processing' ${ofTask}`);
    await refused(`UPDATE app.tasks SET status = 'processing', lease_until = now() ${ofTask}`);
    await refused(`UPDATE app.tasks SET status = 'retrying' ${ofTask}`);
    await refused(`UPDATE app.tasks SET status = 'completed', finished_at = now() ${ofTask}`);
  });

  test('stages the job does not have, more messages than tasks, counts that do not add up', async () => {
    await refused('UPDATE app.jobs SET stage = 3 WHERE job_id = $job');
    await refused('UPDATE app.jobs SET stage = 0 WHERE job_id = $job');
    const ofStage = 'WHERE job = (SELECT id FROM app.jobs WHERE job_id = $job)';
    await refused(`UPDATE app.stages SET published_count = 3 ${ofStage}`);
    const counts = 'completed_count = 1, failed_count = 0, cancelled_count = 0';
    await refused(`UPDATE app.stages SET completed_at = now(), ${counts} ${ofStage}`);
    await refused(`UPDATE app.stages SET ${counts.replace('1', '2')} ${ofStage}`);
  });

  test('ids that are not SHA-256, a task twice, a task of no stage', async () => {
    const { store } = postgres;
    await assert.rejects(store.submitJob(newJob({ jobId: 'x' }), { force: false }), { code: '23514' });
    await assert.rejects(store.submitJob(newJob({ jobId: 'A'.repeat(64) }), { force: false }), { code: '23514' });
    const [job] = await postgres.database.query<{ readonly id: string }>('SELECT id FROM app.jobs WHERE job_id = $1', [
      ref.jobId,
    ]);
    const insert = (stage: number, task: number) =>
      postgres.database.query(query('insert_tasks'), [job?.id, 1, stage, task, ['k'], ['1']]);
    await assert.rejects(insert(1, 1), { code: '23505' });
    await assert.rejects(insert(2, 0), { code: '23503' });
  });

  test('a callback for a job that has not ended', () =>
    refused('UPDATE app.jobs SET callback_due = true WHERE job_id = $job'));

  test('deleting a job deletes all that is its own', async () => {
    const { store, database } = postgres;
    const doomed = await planned(store, 3);
    const kept = await submitted(store);
    await database.query('DELETE FROM app.jobs WHERE job_id = $1', [doomed.jobId]);
    assert.deepEqual(await store.getStages(doomed.jobId, 1), []);
    assert.deepEqual(await store.listTasks(doomed.jobId, 1, { limit: 10 }), []);
    const [orphans] = await database.query<{ readonly n: string }>(
      'SELECT count(*) AS n FROM app.tasks t WHERE NOT EXISTS (SELECT FROM app.jobs j WHERE j.id = t.job)',
    );
    assert.equal(orphans?.n, '0');
    assert.ok(await store.getJob(kept.jobId));
  });
});

describe('insertion', () => {
  test('a stage of many small tasks goes in a few statements, one of large tasks in more', async () => {
    const { store, database } = postgres;
    const statements = async (tasks: ReturnType<typeof newTasks>) => {
      const ref = await submitted(store);
      const stage = { name: 's', handler: 'h', parallelism: 'single', policy: 'fail' } as const;
      const before = await cursorOf();
      await store.createStage(ref, stage, tasks);
      return (await cursorOf()) - before;
    };
    // Each statement of a transaction has a command number of its own, which the rows it made carry.
    const cursorOf = async () => {
      const [row] = await database.query<{ readonly n: number }>(
        'SELECT count(DISTINCT (xmin::text, cmin::text))::int AS n FROM app.tasks',
      );
      return row?.n ?? 0;
    };
    assert.equal(await statements(newTasks(5_001)), 2);
    const large = Array.from({ length: 9 }, (_, n) => ({ key: `k${n}`, input: 'x'.repeat(1_000_000) }));
    assert.equal(await statements(large), 3);
  });
});
