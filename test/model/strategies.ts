import { type Budget, type Choice, type ChoiceKind, noFaults } from './choices.ts';
import type { Process } from './process.ts';
import { randomNumbers } from './random.ts';
import type { ScheduleOptions } from './schedule.ts';
import { type Shape, shapes } from './shapes.ts';

type Picker = ScheduleOptions['pick'];

type Weights = Readonly<Record<ChoiceKind, number>>;

const usual: Weights = {
  run: 10,
  deliver: 6,
  timer: 4,
  thaw: 1,
  crash: 0.6,
  drop: 1,
  repeat: 1.5,
  lose: 0.5,
  fail: 1,
  clock: 1,
  upkeep: 0.5,
  cancel: 0.3,
  freeze: 0.6,
};

/** Workers that stand still past their leases while others take their tasks over, and then go on. */
const stalling: Partial<Budget> = { freeze: 2, clock: 8, upkeep: 6, repeat: 2, crash: 0, drop: 0 };
const stallingWeights: Partial<Weights> = { freeze: 2, clock: 4, upkeep: 4, repeat: 3, thaw: 1.5 };

/** Everything about one random schedule follows from its seed: the job, what may go wrong, and every choice. */
export function randomSchedule(
  seed: number,
  from: readonly Shape[] = Object.values(shapes),
): Readonly<Pick<ScheduleOptions, 'shape' | 'budget' | 'pick'>> {
  const random = randomNumbers(seed);
  const shape = from[seed % from.length];
  if (!shape) throw new Error('there is no shape to choose from');
  const stalls = random() < 0.4;
  const budget = stalls ? { ...randomBudget(random), ...stalling } : randomBudget(random);
  const weights = shifted(random, stalls ? { ...usual, ...stallingWeights } : usual);
  return { shape, budget, pick: random() < 0.6 ? walk(random, weights) : priorities(random, weights) };
}

function randomBudget(random: () => number): Budget {
  const upTo = (most: number, chance: number) => (random() < chance ? 1 + Math.floor(random() * most) : 0);
  return {
    ...noFaults,
    crash: upTo(3, 0.5),
    drop: upTo(4, 0.5),
    repeat: upTo(3, 0.5),
    lose: upTo(3, 0.4),
    fail: upTo(3, 0.4),
    clock: upTo(8, 0.6),
    upkeep: upTo(5, 0.5),
    cancel: upTo(1, 0.2),
    freeze: upTo(2, 0.4),
  };
}

/** Weights of its own for each schedule: what is rare in one is frequent in another. */
function shifted(random: () => number, around: Weights): Weights {
  const entries = Object.entries(around).map(([kind, weight]) => [kind, weight * 6 ** (2 * random() - 1)]);
  return Object.fromEntries(entries) as Weights;
}

/** Each choice by itself, with the weight of its kind. */
function walk(random: () => number, weights: Weights): Picker {
  return (choices) => weighted(random, choices, (choice) => weights[choice.kind]);
}

/**
 * Probabilistic concurrency testing (Burckhardt et al., 2010): each process has a random priority, the highest always
 * runs, and at a few random steps the one that would run falls to the bottom. Finds bugs that need one process to stand
 * still for long at one place. Faults come in between.
 */
function priorities(random: () => number, weights: Weights): Picker {
  const of = new Map<Process | null, number>();
  const changes = new Set(Array.from({ length: 4 }, () => Math.floor(random() * 100)));
  const faults = random() * 0.25;
  let step = 0;
  let bottom = 0;
  const priority = (process: Process | null) => {
    const known = of.get(process) ?? random();
    of.set(process, known);
    return known;
  };
  return (choices) => {
    step += 1;
    const isOwn = ({ kind }: Choice) => kind === 'run' || kind === 'deliver' || kind === 'timer';
    const own = choices.filter(isOwn);
    if (own.length < choices.length && (own.length === 0 || random() < faults)) {
      return weighted(random, choices, (choice) => (isOwn(choice) ? 0 : weights[choice.kind]));
    }
    const top = own.reduce((best, choice) => (priority(choice.process) > priority(best.process) ? choice : best));
    if (changes.has(step)) {
      bottom -= 1;
      of.set(top.process, bottom);
    }
    const same = own.filter(({ process }) => process === top.process);
    return choices.indexOf(same[Math.floor(random() * same.length)] ?? top);
  };
}

function weighted(random: () => number, choices: readonly Choice[], weight: (choice: Choice) => number): number {
  // Of each kind as likely as its weight says, however many choices of it there are.
  const counts = Map.groupBy(choices, ({ kind }) => kind);
  const share = (choice: Choice) => weight(choice) / (counts.get(choice.kind)?.length ?? 1);
  let point = random() * choices.reduce((sum, choice) => sum + share(choice), 0);
  for (const [index, choice] of choices.entries()) {
    point -= share(choice);
    if (point < 0) return index;
  }
  return choices.length - 1;
}
