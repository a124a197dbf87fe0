import { isActive } from '../../core/states.ts';
import { upkeepRuns } from '../../core/upkeep/index.ts';
import type { Letter, Operation, Process } from './process.ts';
import type { World } from './world.ts';

/** How often each of these may happen in one schedule; the rest happens as often as there is something to do. */
export interface Budget {
  /** A process dies between two steps. */
  readonly crash: number;
  /** A message is lost for good. */
  readonly drop: number;
  /** A message is delivered and stays on its way: it comes again. */
  readonly repeat: number;
  /** A statement, a send or the callback fails, before or after it has had its effect. */
  readonly lose: number;
  /** A handler throws something that trying again can help. */
  readonly fail: number;
  /** The clock moves on. */
  readonly clock: number;
  /** One run of the reconciler. */
  readonly upkeep: number;
  readonly cancel: number;
  /** A process stands still, its timers too, until it is thawed. */
  readonly freeze: number;
}

export const noFaults: Budget = {
  crash: 0,
  drop: 0,
  repeat: 0,
  lose: 0,
  fail: 0,
  clock: 0,
  upkeep: 0,
  cancel: 0,
  freeze: 0,
};

export type ChoiceKind = 'run' | 'deliver' | 'timer' | 'thaw' | keyof Budget;

/** One thing that may happen next. */
export interface Choice {
  readonly kind: ChoiceKind;
  /** Whose step it is, if it is one's. */
  readonly process: Process | null;
  take(): void | Promise<void>;
}

const reads = /^(get|has|list|find|result|first)/;

/** Everything that may happen next, always in the same order for the same history. */
export function choicesOf(world: World, left: Budget): readonly Choice[] {
  const choices: Choice[] = [];
  const add = (kind: ChoiceKind, process: Process | null, take: Choice['take']) =>
    void ((kind in left ? left[kind as keyof Budget] > 0 : true) && choices.push({ kind, process, take }));
  for (const operation of world.operations) addOperation(world, operation, add);
  for (const letter of distinct(world.letters)) addLetter(world, letter, add);
  for (const timer of world.time.timers) {
    const { owner, due } = timer;
    if (due <= world.time.now && !owner.frozen) add('timer', owner, () => world.fire(timer));
  }
  for (const process of world.processes) addProcess(world, process, add);
  if (left.clock > 0) for (const time of nextTimes(world)) add('clock', null, () => moveTo(world, time));
  const job = world.store.rows().jobs[0];
  if (job) for (const run of runs) add('upkeep', null, async () => void (await world.upkeep(run)));
  if (job && isActive(job.record.status)) add('cancel', null, () => world.cancel());
  return choices;
}

const runs = Object.keys(upkeepRuns) as (keyof typeof upkeepRuns)[];

type Add = (kind: ChoiceKind, process: Process | null, take: Choice['take']) => void;

function addOperation(world: World, operation: Operation, add: Add): void {
  const { process, kind, label } = operation;
  if (process.frozen) return;
  add('run', process, () => world.perform(operation, 'done'));
  add(kind === 'handler' ? 'fail' : 'lose', process, () => world.perform(operation, 'lost-before'));
  // What changes nothing is the same lost before and after.
  if (kind === 'handler' || (kind === 'store' && reads.test(label))) return;
  add('lose', process, () => world.perform(operation, 'lost-after'));
}

function addLetter(world: World, letter: Letter, add: Add): void {
  add('deliver', null, () => world.deliver(letter));
  add('repeat', null, () => world.deliver(letter, true));
  if (letter.kind === 'submit' || letter.kind === 'force') return;
  add('drop', null, () => {
    world.say('queue', `loses ${letter.label}`);
    world.drop(letter);
  });
}

function addProcess(world: World, process: Process, add: Add): void {
  if (process.state !== 'running') return;
  add('crash', process, () => {
    world.say(process.name, 'CRASHES');
    world.crash(process);
  });
  if (process.frozen) {
    add('thaw', process, () => {
      world.say(process.name, 'thaws');
      process.frozen = false;
    });
    return;
  }
  add('freeze', process, () => {
    world.say(process.name, 'freezes');
    process.frozen = true;
  });
}

function moveTo(world: World, time: number): void {
  world.say('clock', `+${(time - world.time.now) / 1000} s`);
  world.advance(time);
}

/** The next heartbeat or message, the next end of a lease, and past the reconciler's patience. */
function nextTimes(world: World): readonly number[] {
  const { now, timers } = world.time;
  const leases = world.store
    .rows()
    .stages.flatMap(({ tasks }) => tasks)
    .filter(({ status, leaseUntil }) => status === 'processing' && leaseUntil > now)
    .map(({ leaseUntil }) => leaseUntil);
  const events = [world.queue.nextDue() ?? Infinity, ...timers.map(({ due }) => due)].filter((time) => time > now);
  const times = [Math.min(...events), Math.min(...leases), now + 16_000, now + 301_000];
  return [...new Set(times.filter(Number.isFinite))].sort((a, b) => a - b);
}

function distinct(letters: readonly Letter[]): readonly Letter[] {
  return letters.filter((letter, index) => letters.findIndex(({ label }) => label === letter.label) === index);
}
