import { type Budget, type Choice, type ChoiceKind, choicesOf } from './choices.ts';
import type { Core } from './core.ts';
import { checkEnd } from './end-checks.ts';
import { settle } from './settle.ts';
import type { Shape } from './shapes.ts';
import { StepChecks } from './step-checks.ts';
import { Violation, World } from './world.ts';

export interface ScheduleOptions {
  readonly core: Core;
  readonly shape: Shape;
  readonly budget: Budget;
  /** Which of the choices is next; null ends the schedule without a verdict. */
  readonly pick: (choices: readonly Choice[], world: World, left: Budget) => number | null;
  /** After so many choices, 400 by default, the rest is settled in order. */
  readonly limit?: number;
}

export interface ScheduleResult {
  /** What was wrong; null when every check held. */
  readonly violation: string | null;
  /** The number of each choice, for playing it again. */
  readonly choices: readonly number[];
  readonly trace: readonly string[];
  /** How the store answered, e.g. `claimTask busy`. */
  readonly answers: ReadonlySet<string>;
}

/** Plays one schedule from the submission of a job until nothing is left to do. */
export async function runSchedule(options: ScheduleOptions): Promise<ScheduleResult> {
  const world = new World(options.core, options.shape);
  const checks = new StepChecks(world);
  const taken: number[] = [];
  const restoreTime = world.time.install();
  try {
    const end = await play(world, checks, options, taken);
    if (end) {
      world.say('', '--- the rest in order, upkeep until nothing is left to do');
      await settle(world, checks, end === 'healthy');
      checkEnd(world);
    }
    return { violation: null, choices: taken, trace: world.trace, answers: world.answers };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { violation: error.message, choices: taken, trace: world.trace, answers: world.answers };
  } finally {
    restoreTime();
  }
}

/** What a system bears without its reconciler: nothing but these. */
const harmless: readonly ChoiceKind[] = ['run', 'deliver', 'repeat', 'cancel'];

async function play(
  world: World,
  checks: StepChecks,
  { budget, pick, limit = 400 }: ScheduleOptions,
  taken: number[],
): Promise<'healthy' | 'harmed' | null> {
  let left = budget;
  let end: 'healthy' | 'harmed' = 'healthy';
  while (taken.length < limit) {
    const choices = choicesOf(world, left);
    if (choices.length === 0) break;
    const index = pick(choices, world, left);
    if (index === null) return null;
    const choice = choices[index];
    if (!choice) throw new Error(`choice ${index} of ${choices.length}: the schedule is of another version`);
    taken.push(index);
    await choice.take();
    const { kind } = choice;
    if (!harmless.includes(kind)) end = 'harmed';
    if (kind in left) left = { ...left, [kind]: left[kind as keyof Budget] - 1 };
    checks.check();
  }
  return end;
}
