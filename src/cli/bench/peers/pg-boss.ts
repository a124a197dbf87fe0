import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { inTurns } from '../engine/turns.ts';
import { serveWorker, type Worker, type WorkerOptions } from '../engine/worker-protocol.ts';
import { concurrency, jobLabels, payload, type Workload } from '../engine/workloads.ts';
import { FanInWatch } from './fan-in.ts';
import { peerPackage } from './load.ts';

interface Job<Data> {
  readonly id: string;
  readonly data: Data;
}
interface JobResult {
  readonly id: string;
  readonly status: 'completed';
  readonly output: object;
}
interface Boss {
  on(event: 'error', listener: (error: Error) => void): void;
  start(): Promise<unknown>;
  stop(options: { graceful: boolean; timeout: number }): Promise<void>;
  createQueue(name: string, options: object): Promise<void>;
  send(name: string, data: object, options?: object): Promise<string | null>;
  insert(name: string, jobs: readonly { data: object }[], options: { returnId: true }): Promise<string[]>;
  work<Data>(name: string, options: object, handler: (jobs: readonly Job<Data>[]) => Promise<unknown>): Promise<string>;
}
interface PgBoss {
  readonly PgBoss: new (options: object) => Boss;
}

interface Fan {
  readonly label: string;
  readonly n: number;
  readonly taskMs: number;
}

/** A job's result is its output. Workers are woken by NOTIFY and fetch on while batches come back full. */
async function open(options: WorkerOptions): Promise<Worker> {
  const { PgBoss } = peerPackage<PgBoss>('pg-boss');
  const boss = new PgBoss({ connectionString: options.databaseUrl, max: concurrency, useListenNotify: true });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  const pool = new pg.Pool({ connectionString: options.databaseUrl, max: 4 });
  pool.on('error', () => {});
  await pool.query('CREATE TABLE IF NOT EXISTS fans (label text PRIMARY KEY, items uuid[] NOT NULL)');
  for (const name of ['root', 'item', 'gather', 'one']) await boss.createQueue(name, { notify: true, retryLimit: 3 });
  await boss.createQueue('gather_once', { notify: true, policy: 'exclusive' });
  const watch = new FanInWatch(
    (label) => itemsDone(pool, label),
    async (label) => {
      await boss.send('gather_once', { label }, { singletonKey: label });
    },
  );
  const polling = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5 };
  const few = { ...polling, batchSize: 8, localConcurrency: 8, burstWhenBatchFull: true, perJobResults: true };
  const many = { ...few, batchSize: 500, localConcurrency: 2 };
  await boss.work<Fan>('root', { ...few }, (jobs) => each(jobs, (fan) => fanOut(boss, pool, fan)));
  await boss.work<Fan & { text: string }>('item', options.mode === 'batch' ? many : few, (jobs) =>
    each(jobs, async ({ label, text, taskMs }) => {
      if (taskMs > 0) await wait(taskMs);
      watch.ended(label);
      return { text };
    }),
  );
  await boss.work<Fan>('gather_once', few, (jobs) => each(jobs, ({ label }) => gather(pool, label)));
  await boss.work<{ text: string }>('one', few, (jobs) => each(jobs, async ({ text }) => ({ text })));
  return {
    submit: (workload) => submit(boss, workload),
    async close() {
      await boss.stop({ graceful: true, timeout: 3000 });
      await pool.end();
    },
  };
}

function each<Data>(jobs: readonly Job<Data>[], work: (data: Data) => Promise<object>): Promise<JobResult[]> {
  return Promise.all(
    jobs.map(async ({ id, data }) => ({ id, status: 'completed' as const, output: await work(data) })),
  );
}

async function fanOut(boss: Boss, pool: pg.Pool, fan: Fan): Promise<object> {
  const items = Array.from({ length: fan.n }, (_, number) => ({ data: { ...fan, number, text: payload } }));
  const ids = await boss.insert('item', items, { returnId: true });
  await pool.query('INSERT INTO fans VALUES ($1, $2) ON CONFLICT DO NOTHING', [fan.label, ids]);
  return {};
}

/** Its own flows look for ended parents once in some seconds; this starts the fan-in within milliseconds. */
async function itemsDone(pool: pg.Pool, label: string): Promise<boolean> {
  const sql = `SELECT cardinality(items) = (SELECT count(*) FROM pgboss.job
                                             WHERE name = 'item' AND id = ANY(items) AND state = 'completed') AS done
                 FROM fans WHERE label = $1`;
  return (await pool.query<{ done: boolean }>(sql, [label])).rows[0]?.done === true;
}

async function gather(pool: pg.Pool, label: string): Promise<object> {
  const sql = `SELECT j.output FROM fans, pgboss.job j WHERE label = $1 AND j.name = 'item' AND j.id = ANY(fans.items)`;
  return { read: (await pool.query(sql, [label])).rowCount };
}

async function submit(boss: Boss, workload: Workload): Promise<void> {
  if (workload.kind === 'one') {
    await boss.send('one', { label: workload.label, text: payload });
    return;
  }
  const { n } = workload;
  const taskMs = workload.kind === 'fan' ? workload.taskMs : 0;
  const labels = jobLabels(workload);
  await inTurns(labels.length, concurrency, (number) => boss.send('root', { label: labels[number], n, taskMs }));
}

await serveWorker(open);
