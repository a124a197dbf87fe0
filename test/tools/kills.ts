import assert from 'node:assert/strict';
import type { JsonObject } from '../../core/json.ts';
import { ApiClient } from '../../src/cli/client.ts';
import type { StackParts } from '../../src/local/stack/stack.ts';
import { eventually } from './poll.ts';

/** A value of COREMACHINE_CRASH_AT that names a stage, e.g. `handler-done@2`, `task-claimed@3+120` (120 ms later). */
export type Moment = `${string}@${number}` | `${string}@${number}+${number}`;

export interface StageMoments {
  /** Every task of the stage comes by it, or its job. */
  readonly sure: Moment;
  /** Some milliseconds after a task began: the stage may be over by then. null: at the job's end, after which is nothing. */
  readonly chance: Moment | null;
}

const workInstants = ['task-claimed', 'handler-done', 'result-stored'] as const;
type WorkInstant = (typeof workInstants)[number];

/**
 * Moments in each stage, of which the second is somewhere in as many milliseconds as a task may take, and in the end that
 * of the job. `sureAt`: default one of three, by chance.
 */
export function momentsOfChance(mostMsByStage: readonly number[], sureAt?: WorkInstant): StageMoments[] {
  const ofStages = mostMsByStage.map((most, index): StageMoments => {
    const stage = index + 1;
    const instant = sureAt ?? workInstants[Math.floor(Math.random() * workInstants.length)] ?? 'task-claimed';
    return {
      sure: `${instant}@${stage}`,
      chance: `task-claimed@${stage}+${1 + Math.floor(Math.random() * most)}`,
    };
  });
  return [...ofStages, { sure: `job-finished@${mostMsByStage.length}`, chance: null }];
}

/**
 * Submits a job to a host that dies (SIGKILL) at a moment, goes on with one that dies at another, and so on, until a
 * healthy one has it; its status then. In each stage, also the last, one host dies at the sure moment. One more dies at the
 * moment of chance, or, where that does not come, at the sure one that is next: so no host comes further than it is meant
 * to, and a task loses three hosts at most, of the four attempts it has.
 */
export async function throughKills(
  parts: StackParts,
  job: { readonly type: string; readonly parameters: JsonObject },
  moments: readonly StageMoments[],
  say: (line: string) => void,
): Promise<JsonObject> {
  const submission = new Submission(job);
  const deaths: string[] = [];
  for (const [index, { sure, chance }] of moments.entries()) {
    const next = moments[index + 1];
    // Where a host died by chance between the job's end and the moment of that, there is no such moment any more.
    const mayBePast = chance === null && deaths.at(-1)?.includes('+');
    if (!deaths.includes(sure)) deaths.push(await deathAt(parts, submission, [sure], mayBePast));
    if (chance && next) deaths.push(await deathAt(parts, submission, [chance, next.sure]));
  }
  say(`killed at ${deaths.join(', ')}`);
  const healthy = await parts.startHost();
  try {
    const client = new ApiClient(healthy.ready.url, healthy.ready.functionKey);
    const jobId = await submission.idBy(client);
    await eventually(async () => isOver(await client.status(jobId)), { timeoutMs: 90_000, intervalMs: 200 });
    return await client.status(jobId);
  } finally {
    await healthy.stop();
  }
}

/** A job that may be submitted several times: a host may die before it answers. It is one job all the same. */
class Submission {
  readonly #job: { readonly type: string; readonly parameters: JsonObject };
  #id: string | null = null;

  constructor(job: { readonly type: string; readonly parameters: JsonObject }) {
    this.#job = job;
  }

  async idBy(client: ApiClient): Promise<string> {
    this.#id ??= String((await client.submit(this.#job.type, this.#job.parameters)).job_id);
    return this.#id;
  }
}

/**
 * Which of the moments a host died at. Throws when the job ended, or a minute passed, and none of them came; an end is all
 * right when the job `mayBePast` them.
 */
async function deathAt(
  parts: StackParts,
  submission: Submission,
  moments: readonly Moment[],
  mayBePast = false,
): Promise<string> {
  const setting = moments.join(',');
  const { process, ready, exited, said } = await parts.startHost({ COREMACHINE_CRASH_AT: setting });
  const client = new ApiClient(ready.url, ready.functionKey);
  const isDead = () => process.signalCode !== null;
  let ended = false;
  const isOverOrDead = async () => {
    if (isDead()) return true;
    ended = isOver(await client.status(await submission.idBy(client)));
    return ended;
  };
  const settled = async () => isOverOrDead().catch(isDead);
  await eventually(settled, { timeoutMs: 60_000, intervalMs: 100 }).catch(() => {});
  // The end of a job can be seen a moment before its host dies of it.
  await eventually(isDead, { timeoutMs: 2_000 }).catch(() => {});
  const isAlive = !isDead();
  process.kill('SIGKILL');
  await exited;
  const moment = /^killed at (\S+)$/m.exec(await said())?.[1];
  if (isAlive && ended && mayBePast) return 'the end, past all moments';
  assert.ok(!isAlive && moment, `no host died at ${setting}`);
  return moment;
}

function isOver({ status }: JsonObject): boolean {
  return status !== 'queued' && status !== 'processing';
}
