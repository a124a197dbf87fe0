import { setTimeout as wait } from 'node:timers/promises';
import type { Arena } from './arena.ts';
import { type Contestant, coreMachine } from './contestant.ts';
import { fan } from './workloads.ts';

export const recoveryLimitSeconds = 120;
export const recoveryTasks = { n: 1000, taskMs: 20 };
/** So many tasks are done when the worker is killed, or a few more. */
const doneAtKill = recoveryTasks.n / 4;

/**
 * kill -9 of the only worker in the middle of a fan: seconds from another one being there until the job is done; null when
 * that takes too long. Throws when the kill was not in the middle, or when CoreMachine repeats what it had accepted.
 */
export async function measureRecovery(arena: Arena, contestant: Contestant): Promise<number | null> {
  const workload = fan('recovery', recoveryTasks.n, recoveryTasks.taskMs);
  const before = await arena.tasksDone(workload);
  const done = async () => (await arena.tasksDone(workload)) - before;
  await arena.submit(workload);
  await untilAtLeast(doneAtKill, done);
  // Into the middle of tasks as well: right after a batch has ended, who works in batches has none under way.
  await wait(recoveryTasks.taskMs / 2);
  await arena.killWorker();
  const doneThen = await done();
  if (doneThen <= 0 || doneThen >= recoveryTasks.n) throw new Error(`killed with ${doneThen} of its tasks done`);
  const accepted = contestant === coreMachine ? await acceptedTasks(arena, workload.label) : null;
  await arena.restartWorker();
  const started = performance.now();
  const told = `killed with ${doneThen} of ${recoveryTasks.n} tasks done`;
  try {
    await arena.untilDone(workload, 20, recoveryLimitSeconds * 1000);
  } catch {
    console.log(`  recovery: not within ${recoveryLimitSeconds} s, ${told}`);
    return null;
  }
  const seconds = (performance.now() - started) / 1000;
  if (accepted) checkUnchanged(accepted, await acceptedTasks(arena, workload.label));
  console.log(`  recovery: ${seconds.toFixed(2)} s, ${told}${accepted ? ', none of them repeated' : ''}`);
  return seconds;
}

async function untilAtLeast(count: number, done: () => Promise<number>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while ((await done()) < count) {
    if (performance.now() > deadline) throw new Error(`${await done()} tasks are done after a minute`);
    await wait(5);
  }
}

/**
 * Of CoreMachine's job, the finished tasks as text, by place. Each claim raises the attempt and each change of a row gives
 * it another `xmin`: what is the same twice was neither run again nor written again in between.
 */
async function acceptedTasks(arena: Arena, label: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await arena.watch.query<{ place: string; row: string }>(
    `SELECT concat_ws('/', t.run, t.stage, t.task) AS place,
       concat_ws(' ', t.status, t.attempt, t.worker, t.finished_at, t.xmin) AS row
     FROM app.tasks t JOIN app.jobs j ON j.id = t.job
     WHERE j.correlation_id = $1 AND t.finished_at IS NOT NULL`,
    [label],
  );
  return new Map(rows.map(({ place, row }) => [place, row]));
}

function checkUnchanged(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
  const changed = [...before].filter(([place, row]) => after.get(place) !== row);
  const [first] = changed;
  if (!first) return;
  const [place, row] = first;
  throw new Error(`${changed.length} accepted tasks were repeated, task ${place}: ${row}, then ${after.get(place)}`);
}
