import { readdir } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { eventually } from '../tools/poll.ts';
import type { Arena } from './arena.ts';
import type { PlayedJob } from './client.ts';
import { hasCompleted, type Run, readRuns, wrongRuns } from './history.ts';
import type { Invariant } from './invariant.ts';
import { invariants } from './invariants.ts';
import { blobContainer } from './jobs.ts';

/** Everything that is not as it must be; empty when the trial has passed. */
export async function violations(arena: Arena, seed: number, jobs: readonly PlayedJob[]): Promise<string[]> {
  const blobs = openBlobStore({ connection: arena.storage });
  const runsOf = Map.groupBy(await readRuns(arena.pool), ({ jobId }) => jobId);
  const found = await Promise.all([
    brokenInvariants(arena),
    wrongJobs(arena, jobs, runsOf),
    wrongBlobs(blobs, seed, jobs, runsOf),
    leftParts(blobs, arena.partsContainer),
    leftFolders(arena),
  ]);
  return found.flat();
}

async function brokenInvariants(arena: Arena): Promise<string[]> {
  const found: string[] = [];
  for (const invariant of invariants) {
    const rows = await brokenBy(arena, invariant);
    if (rows.length === 0) continue;
    found.push(`not so: ${invariant.name} (${rows.length})\n${rows.slice(0, 5).map(shown).join('\n')}`);
  }
  return found;
}

async function brokenBy(arena: Arena, { sql, parameters = [], withinMs = 0 }: Invariant): Promise<readonly object[]> {
  const until = Date.now() + withinMs;
  for (;;) {
    const { rows } = await arena.pool.query<object>(sql, [...parameters]);
    if (rows.length === 0 || Date.now() >= until) return rows;
    await wait(50);
  }
}

type RunsOf = ReadonlyMap<string, readonly Run[]>;

/** Every run ended as its handlers deserve, or its user wanted; there are no other jobs. */
async function wrongJobs(arena: Arena, jobs: readonly PlayedJob[], runsOf: RunsOf): Promise<string[]> {
  const wrong = jobs.flatMap((job) => {
    const runs = runsOf.get(job.jobId) ?? [];
    const problems = runs.length === 0 ? ['was accepted and is not stored'] : wrongRuns(job, runs);
    return problems.map((problem) => `${job.jobType} ${job.body.name}: ${problem}`);
  });
  const { rowCount } = await arena.pool.query('SELECT FROM app.jobs');
  if (rowCount !== jobs.length) wrong.push(`${jobs.length} jobs were submitted, ${rowCount} are stored`);
  return wrong;
}

/** The trial's blobs are those of its jobs, and no others. A job that came to no end but cancelled may lack some. */
async function wrongBlobs(
  blobs: BlobStore,
  seed: number,
  jobs: readonly PlayedJob[],
  runsOf: RunsOf,
): Promise<string[]> {
  const blobsOf = (job: PlayedJob) => Object.entries(job.deserved(1).blobs);
  const allowed = new Map(jobs.flatMap(blobsOf));
  const missing = new Set(
    jobs
      .filter(({ jobId }) => hasCompleted(runsOf.get(jobId) ?? []))
      .flatMap((job) => blobsOf(job).map(([name]) => name)),
  );
  const wrong: string[] = [];
  for await (const { name } of blobs.list(blobContainer, { prefix: `${seed}/` })) {
    const content = new TextDecoder().decode(await blobs.read({ container: blobContainer, name }));
    if (allowed.get(name) !== content) wrong.push(`blob ${name} holds ${content}, not ${allowed.get(name)}`);
    missing.delete(name);
    await blobs.delete({ container: blobContainer, name });
  }
  return [...wrong, ...[...missing].map((name) => `blob ${name} is missing`)];
}

/** Of runs that are over nothing is left, nor of executions that went on after their end. */
async function leftParts(blobs: BlobStore, container: string): Promise<string[]> {
  const left = async () => {
    if (!(await blobs.containerExists(container))) return [];
    return Array.fromAsync(blobs.list(container), ({ name }) => name);
  };
  await eventually(async () => (await left()).length === 0, { timeoutMs: 5000 }).catch(() => {});
  return (await left()).map((name) => `a temporary blob is left: ${name}`);
}

/**
 * A worker's successor removes what it left, and tasks that have ended leave nothing. Handlers that lost their task get a
 * moment to notice.
 */
async function leftFolders(arena: Arena): Promise<string[]> {
  const left = () => readdir(arena.tempFolder);
  await eventually(async () => (await left()).length === 0, { timeoutMs: 3000 }).catch(() => {});
  const owner = (name: string) => arena.fleet.berths.find(({ pid }) => name.includes(`-${pid}-`))?.name ?? 'the dead';
  return (await left()).map((name) => `a temporary folder of ${owner(name)} is left: ${name}`);
}

function shown(value: object): string {
  return `    ${JSON.stringify(value).slice(0, 400)}`;
}
