import pg from 'pg';
import { BenchServer } from './engine/server.ts';
import { machineLine, writeSection } from './report.ts';
import { withBenchStack } from './stack.ts';

const jobs = 10_000;
const clients = 50;
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
      const stored = await storedJobs(url);
      if (stored !== jobs) throw new Error(`${stored} jobs are stored, ${jobs} were submitted`);
      milliseconds.sort((a, b) => a - b);
      const at = (share: number) => (milliseconds[Math.floor(milliseconds.length * share)] ?? Number.NaN).toFixed(0);
      const figures = `${(jobs / seconds).toFixed(0)} jobs a second; one submit took ${at(0.5)} ms (p50), ${at(0.95)} ms (p95), ${at(1 - 1 / jobs)} ms at most`;
      console.log(figures);
      await writeSection('submits', [
        `## ${jobs.toLocaleString('en')} jobs submitted by ${clients} clients at once`,
        '',
        `\`./run bench submits\`, ${machineLine()}, PostgreSQL ${server.version}. Over HTTP, each job another one, clients,`,
        'host, emulator and database on the one machine, the host working on the jobs meanwhile. No error, and as many jobs',
        `in the database as were submitted. ${figures}.`,
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

async function storedJobs(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM app.jobs');
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}
