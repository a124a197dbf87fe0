import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { BenchServer } from './engine/server.ts';
import { machineLine, writeSection } from './report.ts';
import { withBenchStack } from './stack.ts';

const jobs = 10_000;
const clients = 50;
/** hello_world with n = 1: a greeting and its reply. */
const tasksOfJob = 2;
const endLimitMs = 600_000;
const folder = '.cache/bench/submits';

/** Ten thousand jobs submitted by fifty clients at once over HTTP, while the host also works on them. */
export async function benchSubmits(): Promise<void> {
  const server = await BenchServer.start();
  const { url, watchUrl } = await server.createDatabase('submits');
  await addPostgis(watchUrl);
  try {
    await withBenchStack(folder, { DATABASE_URL: url, STAC_FLAVOUR: 'small' }, async (stack) => {
      const label = Date.now();
      const started = performance.now();
      const milliseconds = await submitAll(stack.url, stack.functionKey, label);
      const seconds = (performance.now() - started) / 1000;
      const outcome = await checkedOutcome(url);
      milliseconds.sort((a, b) => a - b);
      const at = (share: number) => (milliseconds[Math.floor(milliseconds.length * share)] ?? Number.NaN).toFixed(0);
      const figures = `${(jobs / seconds).toFixed(0)} jobs a second; one submit took ${at(0.5)} ms (p50), ${at(0.95)} ms (p95), ${at(1 - 1 / jobs)} ms at most`;
      console.log(`${figures}\n${outcome}`);
      await writeSection('submits', [
        `## ${jobs.toLocaleString('en')} jobs submitted by ${clients} clients at once`,
        '',
        `\`./run bench submits\`, ${machineLine()}, PostgreSQL ${server.version}. Over HTTP, each job another one, clients,`,
        `host, emulator and database on the one machine, the host working on the jobs meanwhile. No error. ${figures}.`,
        `When all had ended: ${outcome}.`,
      ]);
    });
  } finally {
    await server.stop();
  }
}

async function submitAll(url: string, key: string, label: number): Promise<number[]> {
  let next = 0;
  const took: number[] = [];
  const client = async () => {
    for (let number = next++; number < jobs; number = next++) {
      const began = performance.now();
      const answer = await fetch(`${url}/api/jobs/submit/hello_world`, {
        method: 'POST',
        headers: { 'x-functions-key': key, 'content-type': 'application/json' },
        body: JSON.stringify({ n: 1, message: `${label} ${number}` }),
      });
      const body = await answer.text();
      if (answer.status !== 200) throw new Error(`${answer.status}: ${body}`);
      took.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return took;
}

async function addPostgis(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('CREATE EXTENSION postgis');
  } finally {
    await client.end();
  }
}

/** What must be of each figure, when every job was accepted once, ran once, and each of its tasks as well. */
const expected = {
  jobs,
  completed: jobs,
  in_first_run: jobs,
  tasks: jobs * tasksOfJob,
  completed_tasks: jobs * tasksOfJob,
  attempts: jobs * tasksOfJob,
  ends: jobs,
};

const countAll = `
  SELECT j.*, t.*, e.* FROM
    (SELECT count(*)::int AS jobs, count(*) FILTER (WHERE status = 'completed')::int AS completed,
      count(*) FILTER (WHERE run = 1)::int AS in_first_run FROM app.jobs) j,
    (SELECT count(*)::int AS tasks, count(*) FILTER (WHERE status = 'completed')::int AS completed_tasks,
      sum(attempt)::int AS attempts FROM app.tasks) t,
    (SELECT count(*)::int AS ends FROM app.job_events WHERE event = 'job_completed') e`;

/** Waits until every job has ended; throws unless nothing is missing, failed or there twice. The answer says so. */
async function checkedOutcome(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const deadline = performance.now() + endLimitMs;
    for (let open = await openJobs(client); open > 0; open = await openJobs(client)) {
      if (performance.now() > deadline) throw new Error(`${open} jobs have not ended after ${endLimitMs / 1000} s`);
      await wait(250);
    }
    const { rows } = await client.query(countAll);
    assert.deepEqual(rows, [expected]);
  } finally {
    await client.end();
  }
  const [all, tasks] = [jobs, jobs * tasksOfJob].map((count) => count.toLocaleString('en'));
  return `${all} jobs are stored and completed, each in its first run, and their ${tasks} tasks at the first attempt, once`;
}

async function openJobs(client: pg.Client): Promise<number> {
  const sql = `SELECT count(*)::int AS open FROM app.jobs WHERE status IN ('queued', 'processing')`;
  return (await client.query<{ open: number }>(sql)).rows[0]?.open ?? 0;
}
