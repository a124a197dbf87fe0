import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../../core/json.ts';
import { type Stack, startStack } from '../../local/stack/stack.ts';
import { ApiClient, type JobView } from '../client.ts';
import { ensurePgstacSql } from '../setup/pgstac.ts';
import { templateFolder } from '../template-folder.ts';
import type { Sample } from './measure.ts';
import { MemoryProbe } from './memory.ts';

/** An embedded stack of a benchmark's own, on free ports, for as long as `work` takes; its data are gone afterwards. */
export async function withBenchStack<T>(
  folder: string,
  env: Readonly<Record<string, string>>,
  work: (stack: Stack) => Promise<T>,
): Promise<T> {
  const dataFolder = join(folder, 'data');
  await rm(dataFolder, { recursive: true, force: true });
  const stack = await startStack({
    ...{ dataFolder, logFolder: '.cache/logs', env, templateFolder },
    pgstacSql: await ensurePgstacSql(),
    ...{ httpPort: 0, fixedPorts: false, say: () => {} },
  });
  try {
    return await work(stack);
  } finally {
    await stack.stop();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

/** Each question takes 4 ms of processor time, of the database most, that the job could use. */
const everyMs = 1000;

/**
 * A job from its submit to `completed`, by the time the job itself says, not by when polling saw it; with the memory of the
 * host and its children. Throws when it ends otherwise.
 */
export async function timeJob(
  stack: Stack,
  jobType: string,
  parameters: JsonObject,
  seen: (job: JobView) => void = () => {},
): Promise<Sample> {
  const client = new ApiClient(stack.url, stack.functionKey);
  const probe = new MemoryProbe([stack.host.process.pid ?? 0]);
  const started = Date.now();
  const { job_id } = await client.submit(jobType, parameters);
  const job = await client.follow(String(job_id), seen, undefined, everyMs).finally(() => probe.stop());
  if (job.status !== 'completed') throw new Error(`${jobType} ${job.status}: ${JSON.stringify(job.error)}`);
  return { seconds: (Date.parse(job.completed_at ?? '') - started) / 1000, peakMiB: probe.stop() };
}
