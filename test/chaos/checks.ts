import { readdir } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../../core/json.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { eventually } from '../tools/poll.ts';
import type { Arena } from './arena.ts';
import type { TrialJob } from './expected.ts';
import { invariants } from './invariants.ts';
import { blobContainer } from './jobs.ts';

export interface SubmittedJob extends TrialJob {
  readonly jobId: string;
}

interface StoredJob {
  readonly job_id: string;
  readonly status: string;
  readonly result: JsonObject | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly tasks: readonly number[];
}

/** Everything that is not as it must be; empty when the trial has passed. */
export async function violations(arena: Arena, seed: number, jobs: readonly SubmittedJob[]): Promise<string[]> {
  const found = await Promise.all([
    brokenInvariants(arena),
    wrongEnds(arena, jobs),
    wrongBlobs(openBlobStore({ connection: arena.storage }), seed, jobs),
    leftFolders(arena),
  ]);
  return found.flat();
}

async function brokenInvariants(arena: Arena): Promise<string[]> {
  const found: string[] = [];
  for (const { name, sql, parameters = [] } of invariants) {
    const { rows } = await arena.pool.query<object>(sql, [...parameters]);
    if (rows.length > 0) found.push(`not so: ${name} (${rows.length})\n${rows.slice(0, 5).map(shown).join('\n')}`);
  }
  return found;
}

/** Every job ended as its handlers deserve. */
async function wrongEnds(arena: Arena, jobs: readonly SubmittedJob[]): Promise<string[]> {
  const { rows } = await arena.pool.query<StoredJob>(
    `SELECT j.job_id, j.status, j.result, j.error,
       ARRAY(SELECT s.task_count FROM app.stages s WHERE s.job = j.id AND s.run = j.run ORDER BY s.stage) AS tasks
     FROM app.jobs j`,
  );
  const stored = new Map(rows.map((row) => [row.job_id, row]));
  const wrong = jobs.flatMap((job) => differences(job, stored.get(job.jobId)));
  if (rows.length !== jobs.length) wrong.push(`${jobs.length} jobs were submitted, ${rows.length} are stored`);
  return wrong;
}

function differences({ jobType, body, expected }: SubmittedJob, stored: StoredJob | undefined): string[] {
  const name = `${jobType} ${body.name}`;
  if (!stored) return [`${name} was accepted and is not stored`];
  const { status, result, error, tasks } = stored;
  const wrong: string[] = [];
  if (status !== expected.status) wrong.push(`${name} is ${status}, not ${expected.status}: ${shown(error ?? {})}`);
  else if (error ? !expected.codes.includes(error.code) : expected.codes.length > 0) {
    wrong.push(`${name} has the error ${shown(error ?? {})}, not ${expected.codes.join(' or ')}`);
  }
  if (!isDeepStrictEqual(result, expected.result)) {
    wrong.push(`${name} has the result ${shown(result ?? {})}, not ${shown(expected.result ?? {})}`);
  }
  if (!isDeepStrictEqual(tasks, expected.tasks)) {
    wrong.push(`${name} has stages of ${shown(tasks)} tasks, not ${shown(expected.tasks)}`);
  }
  return wrong;
}

/** The trial's blobs are those of its jobs, and no others. */
async function wrongBlobs(blobs: BlobStore, seed: number, jobs: readonly SubmittedJob[]): Promise<string[]> {
  const expected = new Map(jobs.flatMap((job) => Object.entries(job.expected.blobs)));
  const wrong: string[] = [];
  for await (const { name } of blobs.list(blobContainer, { prefix: `${seed}/` })) {
    const content = new TextDecoder().decode(await blobs.read({ container: blobContainer, name }));
    if (expected.get(name) !== content) wrong.push(`blob ${name} holds ${content}, not ${expected.get(name)}`);
    expected.delete(name);
    await blobs.delete({ container: blobContainer, name });
  }
  return [...wrong, ...[...expected.keys()].map((name) => `blob ${name} is missing`)];
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
