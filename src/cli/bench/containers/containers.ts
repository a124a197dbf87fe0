import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { JsonObject } from '../../../../core/json.ts';
import { openBlobStore } from '../../../../infrastructure/blob/azure-blob-store.ts';
import { type StackParts, startParts } from '../../../local/stack/stack.ts';
import { ApiClient } from '../../client.ts';
import { ensurePgstacSql } from '../../setup/pgstac.ts';
import { templateFolder } from '../../template-folder.ts';
import { startService } from '../../testing/service.ts';
import type { Sample } from '../measure.ts';
import { MemoryProbe } from '../memory.ts';
import { writeSection } from '../report.ts';
import { makeBlobs, prepareMarks, type Subject } from './blobs.ts';
import { type Figures, fullSizes, heapMb, reportLines } from './report.ts';

const folder = '.cache/bench/containers';
const dataFolder = join(folder, 'data');
const journal = join(dataFolder, 'service-bus.journal');
const inventories = ['summarize_container', 'list_container_contents', 'list_container_contents_diamond'];

/** The three inventories of containers with so many blobs, submit to completed, each in a host of its own. */
export async function benchContainers(sizes: readonly number[] = fullSizes): Promise<void> {
  await mkdir(folder, { recursive: true });
  await rm(journal, { force: true });
  const service = await startService('postgres', { COREMACHINE_TEST_DURABLE: '1' });
  const parts = await startParts({
    dataFolder,
    logFolder: '.cache/logs',
    env: { DATABASE_URL: await freshDatabase(service.address), STAC_FLAVOUR: 'small' },
    pgstacSql: await ensurePgstacSql(),
    templateFolder,
    httpPort: 0,
    fixedPorts: false,
    say: (line) => console.log(`  ${line}`),
  });
  try {
    await prepareMarks(String(parts.settings.STORAGE_CONNECTION));
    const figures: Figures[] = [];
    for (const size of sizes) figures.push(await measured(parts, size));
    const lines = reportLines(figures);
    console.log(lines.join('\n'));
    if (sizes === fullSizes) await writeSection('containers', lines);
  } finally {
    await parts.stop();
    await service.stop();
    // The blobs stay for the next time; the messages are of jobs that go with their database.
    await rm(journal, { force: true });
  }
}

async function freshDatabase(address: string): Promise<string> {
  const url = new URL(address);
  url.pathname = '/bench_containers';
  await ask(address, 'CREATE DATABASE bench_containers');
  await ask(url.href, 'CREATE EXTENSION postgis');
  return url.href;
}

async function measured(parts: StackParts, size: number): Promise<Figures> {
  const connection = String(parts.settings.STORAGE_CONNECTION);
  const subject = await makeBlobs(connection, size);
  console.log(
    `${subject.container}: ${subject.madeSeconds === null ? 'made in an earlier run' : `made in ${subject.madeSeconds.toFixed(0)} s`}`,
  );
  const listingSeconds = await timeListing(connection, subject);
  const samples = new Map<string, Sample>();
  for (const jobType of inventories) {
    const sample = await timeJob(parts, jobType, subject);
    samples.set(jobType, sample);
    console.log(`${size}  ${jobType.padEnd(34)} ${sample.seconds.toFixed(1)} s  ${sample.peakMiB} MiB`);
  }
  return { subject, listingSeconds, samples };
}

async function timeListing(connection: string, { container, count }: Subject): Promise<number> {
  const started = performance.now();
  let listed = 0;
  for await (const _ of openBlobStore({ connection }).list(container)) listed += 1;
  if (listed !== count) throw new Error(`${container} lists ${listed} blobs`);
  return (performance.now() - started) / 1000;
}

/** A host of its own, so that its peak of memory is this job's; with little memory, so that it cannot keep what it need not. */
async function timeJob(parts: StackParts, jobType: string, subject: Subject): Promise<Sample> {
  const host = await parts.startHost({ NODE_OPTIONS: `--max-old-space-size=${heapMb}` });
  try {
    const probe = new MemoryProbe([host.process.pid ?? 0]);
    const client = new ApiClient(host.ready.url, host.ready.functionKey);
    const started = performance.now();
    const { job_id } = await client.submit(jobType, { container_name: subject.container });
    const job = await client.follow(String(job_id), () => {});
    const sample = { seconds: (performance.now() - started) / 1000, peakMiB: probe.stop() };
    if (job.status !== 'completed') throw new Error(`${jobType} ${job.status}: ${JSON.stringify(job.error)}`);
    assertRight(jobType, (job.result_data as { summary: JsonObject }).summary, subject);
    return sample;
  } finally {
    await host.stop();
  }
}

function assertRight(jobType: string, summary: JsonObject, { count, totalBytes }: Subject): void {
  const found = summary.total_files ?? summary.successful_analyses;
  if (found === count && summary.total_size_bytes === totalBytes) return;
  throw new Error(
    `${jobType} found ${found} blobs of ${summary.total_size_bytes} bytes, not ${count} of ${totalBytes}`,
  );
}

async function ask(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
