import type { Arena } from './arena.ts';
import { fan } from './workloads.ts';

/** Fans of so many tasks, one after the other, for at least so long. */
export const warmUpRuns = { tasks: 1000, seconds: 10 };

/** Makes a worker what it is after a while at work: its code compiled, the database's plans made. */
export async function warmUp(arena: Arena): Promise<void> {
  const until = performance.now() + warmUpRuns.seconds * 1000;
  for (let number = 0; performance.now() < until; number += 1) await arena.run(fan(`warm-${number}`, warmUpRuns.tasks));
}
