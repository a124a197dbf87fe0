import { upkeepRuns } from '../../core/upkeep/index.ts';
import { fail, type StepChecks } from './step-checks.ts';
import type { World } from './world.ts';

const runs = Object.keys(upkeepRuns) as (keyof typeof upkeepRuns)[];
/** Longer than any of the reconciler's patiences. */
const roundMs = 6 * 60_000;
const mostRounds = 30;

/**
 * What a healthy fleet does from here on: every frozen worker wakes up, every message arrives, upkeep runs. Ends when
 * upkeep has found nothing in two rounds. `healthy`: nothing went wrong before, so upkeep must never find anything.
 */
export async function settle(world: World, checks: StepChecks, healthy: boolean): Promise<void> {
  for (const process of world.processes) process.frozen = false;
  let quiet = 0;
  for (let round = 0; quiet < 2; round += 1) {
    if (round === mostRounds) fail(`upkeep still finds something after ${mostRounds} rounds`);
    await drain(world, checks);
    world.advance(world.time.now + roundMs);
    let scanned = 0;
    for (const run of runs) {
      const process = await world.upkeep(run);
      await drain(world, checks);
      scanned += process.report?.scanned ?? 0;
    }
    if (healthy && scanned > 0) fail('nothing went wrong, and yet upkeep finds something to do');
    quiet = scanned === 0 ? quiet + 1 : 0;
  }
}

async function drain(world: World, checks: StepChecks): Promise<void> {
  for (;;) {
    const [operation] = world.operations;
    const [letter] = world.letters;
    if (operation) await world.perform(operation, 'done');
    else if (letter) await world.deliver(letter);
    else {
      const due = world.queue.nextDue();
      if (due === null) return;
      world.advance(due);
    }
    checks.check();
  }
}
