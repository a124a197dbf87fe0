import assert from 'node:assert/strict';
import type { JsonObject } from '../../core/json.ts';
import { ApiClient } from '../../src/cli/client.ts';
import type { StackParts } from '../../src/local/stack/stack.ts';
import { eventually } from './poll.ts';

/** A value of COREMACHINE_CRASH_AT that names a stage, e.g. `handler-done@2`, `task-claimed@3+120` (120 ms later). */
export type Moment = `${string}@${number}` | `${string}@${number}+${number}`;

/**
 * Two moments of chance in each stage: some milliseconds after a task of it began, as many as it may take, and such a
 * one again or one of the worst: all is written and nothing reported, or reported and the stage not closed.
 */
export function momentsOfChance(mostMsByStage: readonly number[]): Moment[] {
  return mostMsByStage.flatMap((most, index): Moment[] => {
    const stage = index + 1;
    const later = (): Moment => `task-claimed@${stage}+${Math.floor(Math.random() * most)}`;
    const worst: readonly Moment[] = [`handler-done@${stage}`, `result-stored@${stage}`, later()];
    return [later(), worst[Math.floor(Math.random() * worst.length)] ?? later()];
  });
}

/**
 * Submits a job to a host that dies (SIGKILL) at the first moment, goes on with one that dies at the second, and so on,
 * until a healthy one ends the job; its status then.
 */
export async function throughKills(
  parts: StackParts,
  job: { readonly type: string; readonly parameters: JsonObject },
  moments: readonly Moment[],
): Promise<JsonObject> {
  let jobId = '';
  let reached = 0;
  for (const moment of moments) {
    // One death too many for a task that a host was killed in only because it came further than it was meant to.
    if (stageOf(moment) < reached) continue;
    const doomed = await parts.startHost({ COREMACHINE_CRASH_AT: moment });
    const client = new ApiClient(doomed.ready.url, doomed.ready.functionKey);
    if (jobId === '') jobId = String((await client.submit(job.type, job.parameters)).job_id);
    const died = doomed.exited.then(() => stageOf(moment));
    reached = await Promise.race([died, stageBeyond(client, jobId, stageOf(moment))]);
    // Dead by now, unless the host before it came further than it was meant to.
    doomed.process.kill('SIGKILL');
    await doomed.exited;
    assert.equal(doomed.process.signalCode, 'SIGKILL');
  }
  const healthy = await parts.startHost();
  try {
    const client = new ApiClient(healthy.ready.url, healthy.ready.functionKey);
    await eventually(async () => isOver(await client.status(jobId)), { timeoutMs: 90_000, intervalMs: 200 });
    return await client.status(jobId);
  } finally {
    await healthy.stop();
  }
}

/** Resolves when the job is beyond the stage, so that the moment in it will not come: the stage it is in. */
async function stageBeyond(client: ApiClient, jobId: string, stage: number): Promise<number> {
  let reached = stage;
  const isBeyond = async () => {
    const job = await client.status(jobId);
    reached = isOver(job) ? Number.POSITIVE_INFINITY : Number(job.stage);
    return reached > stage;
  };
  await eventually(isBeyond, { timeoutMs: 60_000, intervalMs: 200 }).catch(() => {});
  return reached;
}

function stageOf(moment: Moment): number {
  return Number(/@(\d+)/.exec(moment)?.[1]);
}

function isOver({ status }: JsonObject): boolean {
  return status !== 'queued' && status !== 'processing';
}
