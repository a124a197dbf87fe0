import { hash } from 'node:crypto';
import type { Budget, Choice } from './choices.ts';
import type { Core } from './core.ts';
import { runSchedule, type ScheduleResult } from './schedule.ts';
import type { Shape } from './shapes.ts';
import type { World } from './world.ts';

export interface Exploration {
  readonly schedules: number;
  readonly states: number;
  /** False when the limit came first. */
  readonly exhausted: boolean;
  /** The first schedule with a violation; the search ends with it. */
  readonly found: ScheduleResult | null;
}

/**
 * Every order of steps that the budget allows, by depth: a schedule is played again up to a choice and goes on with the
 * next alternative. A state that was reached before is not left again: what follows from it is known.
 */
export async function explore(
  core: Core,
  shape: Shape,
  budget: Budget,
  options: { readonly schedules: number },
): Promise<Exploration> {
  const seen = new Set<string>();
  const open: (readonly number[])[] = [[]];
  let schedules = 0;
  for (let prefix = open.pop(); prefix; prefix = open.pop()) {
    if (schedules === options.schedules) return { schedules, states: seen.size, exhausted: false, found: null };
    schedules += 1;
    const pick = depthFirst(prefix, seen, open);
    const result = await runSchedule({ core, shape, budget, pick, limit: Infinity });
    if (result.violation) return { schedules, states: seen.size, exhausted: false, found: result };
  }
  return { schedules, states: seen.size, exhausted: true, found: null };
}

function depthFirst(prefix: readonly number[], seen: Set<string>, open: (readonly number[])[]) {
  const path: number[] = [];
  return (choices: readonly Choice[], world: World, left: Budget): number | null => {
    const given = prefix[path.length];
    if (given !== undefined) {
      path.push(given);
      return given;
    }
    const state = stateOf(world, left);
    if (seen.has(state)) return null;
    seen.add(state);
    for (let other = choices.length - 1; other > 0; other -= 1) open.push([...path, other]);
    path.push(0);
    return 0;
  };
}

/**
 * Two worlds of equal state have equal futures: the rows, the messages, the clock, and of each process what it has been
 * told so far, which is all that its next steps depend on.
 */
function stateOf(world: World, left: Budget): string {
  const { time, queue, operations } = world;
  const live = world.processes.filter(
    (process) =>
      // What the messages of one worker leave to each other follows from all that they were told.
      world.shape.together || process.state === 'running' || operations.some((one) => one.process === process),
  );
  const state = {
    rows: world.store.rows(),
    letters: world.letters.map(({ label }) => label).sort(),
    sent: [...new Set(world.sentIds)].sort(),
    queued: [queue.length, queue.nextDue()],
    clock: [time.now, time.timers.map(({ due, everyMs }) => [due, everyMs])],
    // Without its number in the order of their beginnings.
    live: live
      .map((process) => [process.name.replace(/^\d+:/, ''), process.frozen, process.state, ...process.history])
      .map((one) => JSON.stringify(one))
      .sort(),
    left,
    told: [world.cancelled, world.completions, world.advances],
  };
  return hash('sha1', JSON.stringify(state), 'base64');
}
