import { setTimeout as wait } from 'node:timers/promises';
import type { RequestKind } from './acts.ts';
import { storm } from './adversary.ts';
import type { Arena } from './arena.ts';
import { violations } from './checks.ts';
import { type PlayedJob, playJob } from './client.ts';
import type { Fate } from './message-faults.ts';
import type { Action, Plan } from './plan.ts';

export interface TrialReport {
  readonly seed: number;
  /** Empty: passed. */
  readonly problems: readonly string[];
  readonly durationMs: number;
  /** From the end of the storm until everything had come to rest. */
  readonly settledMs: number;
  /** Workers that had to be replaced because they did not find the restarted emulator again. */
  readonly replaced: number;
  /** Attempts of tasks, ends of jobs and so on: that the trial was not idle. */
  readonly moves: number;
  /**
   * What the adversary planned and really did, to workers and to messages, and what users asked and a worker really did, once
   * each time.
   */
  readonly struck: readonly Strike[];
}

export type Strike = Action['kind'] | Fate | RequestKind;

export interface TrialOptions {
  /** How long the system may take to come to rest. Default 40 s. */
  readonly settleLimitMs?: number;
}

/**
 * The SDK waits a fixed minute for a link that was opened as its connection died. Where the emulator was restarted, a
 * worker that is silent for this long is replaced, as its host would do after a failed health check.
 */
const patienceMs = 5000;
const defaultSettleLimitMs = 40_000;

/** One seed from an empty database to the verdict. */
export async function runTrial(arena: Arena, plan: Plan, options: TrialOptions = {}): Promise<TrialReport> {
  const started = Date.now();
  await arena.fleet.resize(plan.workers);
  await arena.clear();
  arena.fleet.setFaults(plan.messages);
  arena.fleet.takeStruck();
  const playing = Promise.all(plan.jobs.map((job, index) => playJob(arena, job, index)));
  const storming = Promise.all([storm(arena, plan), wait(plan.stormMs)]);
  // A user who finds no worker breaks it off at once.
  const [done] = await Promise.race([storming, playing.then(() => storming)]);
  arena.fleet.setFaults(null);
  const calm = Date.now();
  const [jobs, { problem, replaced }] = await Promise.all([playing, settle(arena, playing, options.settleLimitMs)]);
  const settledMs = Date.now() - calm;
  const found = await violations(arena, plan.seed, jobs);
  const problems = [...(problem ? [problem] : []), ...arena.fleet.takeOwnEnds(), ...found];
  const moves = await countMoves(arena);
  const struck = [...done, ...arena.fleet.takeStruck(), ...jobs.flatMap(({ tries }) => tries.flatMap(taken))];
  return { seed: plan.seed, problems, durationMs: Date.now() - started, settledMs, replaced, moves, struck };
}

/** What the try has brought about; nothing for a job's first submission, and what changed nothing. */
function taken({ what, answer }: PlayedJob['tries'][number]): RequestKind[] {
  return (answer?.kind === 'began' && answer.run > 1) || answer?.kind === 'cancelled' ? [what] : [];
}

/** Until users have done what they wanted and everything has come to rest. */
async function settle(
  arena: Arena,
  playing: Promise<unknown>,
  limitMs = defaultSettleLimitMs,
): Promise<{ problem: string | null; replaced: number }> {
  const begun = Date.now();
  let playedAt: number | null = null;
  playing.then(
    () => (playedAt = Date.now()),
    () => (playedAt = Date.now()),
  );
  let replaced = 0;
  for (;;) {
    // Before it is asked what is open: a request may open something.
    const since: number | null = playedAt;
    const open = await openWork(arena);
    if (since !== null && open.length === 0) return { problem: null, replaced };
    if (since !== null && Date.now() - since > limitMs) {
      return { problem: `not at rest after ${limitMs / 1000} s:\n${open.slice(0, 8).join('\n')}`, replaced };
    }
    if (open.length > 0 && Date.now() - begun > patienceMs) replaced += await replaceDeaf(arena);
    await wait(50);
  }
}

/** What is still to be done, one line each. */
async function openWork(arena: Arena): Promise<string[]> {
  const { rows } = await arena.pool.query<{ readonly line: string }>(
    `SELECT format('    job %s %s is %s at stage %s, callback %s', job_type, parameters->>'name', status, stage,
       CASE WHEN callback_due THEN 'due' ELSE 'not due' END) AS line
     FROM app.jobs WHERE completed_at IS NULL OR callback_due
     UNION ALL
     SELECT format('    callback of job %s, run %s, is due', job, run) FROM app.due_callbacks
     UNION ALL
     SELECT format('    task %s/%s/%s is %s, attempt %s, of %s', job, stage, task, status, attempt, worker)
     FROM app.tasks WHERE finished_at IS NULL`,
  );
  return rows.map(({ line }) => line);
}

async function replaceDeaf(arena: Arena): Promise<number> {
  const deaf = arena.fleet.berths.filter(
    ({ state, startedAt }) => state === 'up' && startedAt < arena.emulatorStartedAt,
  );
  await Promise.all(deaf.map((berth) => berth.replace(0)));
  return deaf.length;
}

async function countMoves(arena: Arena): Promise<number> {
  const { rows } = await arena.pool.query<{ readonly count: number }>(
    'SELECT ((SELECT count(*) FROM chaos.task_moves) + (SELECT count(*) FROM chaos.job_moves))::int AS count',
  );
  return rows[0]?.count ?? 0;
}
