import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { inTurns } from '../engine/turns.ts';
import { serveWorker, type Worker, type WorkerOptions } from '../engine/worker-protocol.ts';
import { concurrency, jobLabels, payload, type Workload } from '../engine/workloads.ts';
import { Coalesced } from './coalesced.ts';
import { FanInWatch } from './fan-in.ts';
import { peerPackage } from './load.ts';

// graphile-worker keeps no results: its users store them in tables of their own, and start what depends on them.

interface Utils {
  addJob(name: string, payload: unknown, options?: { jobKey: string }): Promise<unknown>;
  addJobs(jobs: readonly { identifier: string; payload: unknown }[]): Promise<unknown>;
}
interface Runner {
  stop(): Promise<void>;
}
interface GraphileWorker {
  makeWorkerUtils(options: { pgPool: pg.Pool }): Promise<Utils & { migrate(): Promise<void> }>;
  run(options: { preset: unknown; taskList: Record<string, (payload: never) => Promise<void>> }): Promise<Runner>;
}

interface Fan {
  readonly label: string;
  readonly n: number;
  readonly taskMs: number;
}
interface Item extends Fan {
  readonly number: number;
  readonly text: string;
}

const schema = `
  CREATE TABLE IF NOT EXISTS fans (label text PRIMARY KEY, n int NOT NULL, finished boolean NOT NULL DEFAULT false);
  CREATE TABLE IF NOT EXISTS results (label text, number int, result json NOT NULL, PRIMARY KEY (label, number))`;
const storeOne = `INSERT INTO results VALUES ($1, $2, $3) ON CONFLICT (label, number) DO UPDATE SET result = excluded.result`;
const storeMany = `INSERT INTO results SELECT * FROM unnest($1::text[], $2::int[], $3::json[])
                   ON CONFLICT (label, number) DO UPDATE SET result = excluded.result`;

/** How jobs are fetched and completed: with its defaults one at a time, else as its performance page advises. */
function queueing(mode: string): object {
  if (mode === 'each') return {};
  const size = mode === 'batch' ? 500 : concurrency + 1;
  return { localQueue: { size }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
}

async function open(options: WorkerOptions): Promise<Worker> {
  const { makeWorkerUtils, run } = peerPackage<GraphileWorker>('graphile-worker');
  const pool = new pg.Pool({ connectionString: options.databaseUrl, max: concurrency });
  pool.on('error', () => {});
  await pool.query(schema);
  const utils = await makeWorkerUtils({ pgPool: pool });
  await utils.migrate();
  const coalesced = new Coalesced<Item>(async (items) => {
    await pool.query(storeMany, [
      items.map(({ label }) => label),
      items.map(({ number }) => number),
      items.map(({ text }) => JSON.stringify({ text })),
    ]);
  });
  const store = (item: Item) =>
    options.mode === 'batch'
      ? coalesced.add(item)
      : pool.query(storeOne, [item.label, item.number, JSON.stringify({ text: item.text })]);
  const watch = new FanInWatch(
    async (label) => {
      const sql = `SELECT n = (SELECT count(*) FROM results WHERE label = $1 AND number >= 0) AS done FROM fans WHERE label = $1`;
      return (await pool.query<{ done: boolean }>(sql, [label])).rows[0]?.done === true;
    },
    async (label) => {
      await utils.addJob('gather', { label }, { jobKey: label });
    },
  );
  const runner = await run({
    preset: {
      worker: {
        connectionString: options.databaseUrl,
        concurrentJobs: concurrency,
        maxPoolSize: concurrency + 1,
        ...queueing(options.mode),
      },
    },
    taskList: {
      root: async (fan: Fan) => {
        await pool.query('INSERT INTO fans VALUES ($1, $2) ON CONFLICT DO NOTHING', [fan.label, fan.n]);
        const jobs = Array.from({ length: fan.n }, (_, number) => ({
          identifier: 'item',
          payload: { ...fan, number, text: payload },
        }));
        await utils.addJobs(jobs);
      },
      item: async (item: Item) => {
        if (item.taskMs > 0) await wait(item.taskMs);
        await store(item);
        watch.ended(item.label);
      },
      gather: async ({ label }: Fan) => {
        await pool.query('SELECT result FROM results WHERE label = $1', [label]);
        await pool.query('UPDATE fans SET finished = true WHERE label = $1', [label]);
      },
      one: async ({ label }: Fan) => {
        await pool.query('INSERT INTO fans VALUES ($1, 1, true)', [label]);
      },
    },
  });
  return {
    submit: (workload) => submit(utils, workload),
    async close() {
      await runner.stop();
      await pool.end();
    },
  };
}

async function submit(utils: Utils, workload: Workload): Promise<void> {
  if (workload.kind === 'one') {
    await utils.addJob('one', { label: workload.label, text: payload });
    return;
  }
  const { n } = workload;
  const taskMs = workload.kind === 'fan' ? workload.taskMs : 0;
  const labels = jobLabels(workload);
  await inTurns(labels.length, concurrency, (number) => utils.addJob('root', { label: labels[number], n, taskMs }));
}

await serveWorker(open);
