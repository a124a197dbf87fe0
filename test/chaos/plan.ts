import { type InstantName, instantNames } from '../../core/instants.ts';
import { type Act, actsOf, describeActs } from './acts.ts';
import {
  deepJob,
  emptyJob,
  exhaustedJob,
  finalizedJob,
  lenientJob,
  strictJob,
  type TrialJob,
  unplannableJob,
  wideJob,
} from './expected.ts';
import type { Work } from './jobs.ts';
import type { MessageFaults } from './message-faults.ts';
import { Random, randomFor } from './random.ts';

/** What the adversary can do. Workers are counted from 0; one that is down or frozen already is left alone. */
export type Action =
  | { readonly kind: 'kill'; readonly worker: number; readonly downMs: number }
  | { readonly kind: 'kill at'; readonly worker: number; readonly instant: InstantName }
  | { readonly kind: 'freeze'; readonly worker: number; readonly ms: number }
  | { readonly kind: 'freeze at'; readonly worker: number; readonly instant: InstantName; readonly ms: number }
  | { readonly kind: 'end connections'; readonly worker: number }
  | { readonly kind: 'lose answers'; readonly worker: number; readonly ms: number }
  | { readonly kind: 'restart emulator'; readonly downMs: number }
  | { readonly kind: 'lock table'; readonly table: string; readonly mode: string; readonly ms: number };

export const actionKinds = [
  'kill',
  'kill at',
  'freeze',
  'freeze at',
  'end connections',
  'lose answers',
  'restart emulator',
  'lock table',
] as const satisfies readonly Action['kind'][];

export type Timed<T> = T & { readonly atMs: number };

/** A job, and what its user does about it. */
export interface PlannedJob extends Timed<TrialJob> {
  readonly acts: readonly Act[];
}

/** All that a seed decides. */
export interface Plan {
  readonly seed: number;
  readonly workers: number;
  /** The adversary acts in this time; then it lets everything come to rest. */
  readonly stormMs: number;
  readonly messages: MessageFaults;
  readonly jobs: readonly PlannedJob[];
  readonly actions: readonly Timed<Action>[];
}

/** How long a worker may work on a task without a sign of life. */
export const leaseMs = 1200;
const stormMs = 2200;
/** The two that strike between two systems come twice as often. */
const weightedKinds: readonly Action['kind'][] = [
  'kill',
  'kill at',
  'kill at',
  'freeze',
  'freeze at',
  'freeze at',
  'end connections',
  'lose answers',
  'lock table',
  'restart emulator',
];
/** Where a worker holds what others may take over; struck more often. */
const delicateInstants: readonly InstantName[] = ['handler-done', 'handler-done', 'result-stored'];
const lockModes = ['ACCESS EXCLUSIVE', 'EXCLUSIVE', 'SHARE ROW EXCLUSIVE'];
const tables = ['app.tasks', 'app.jobs', 'app.stages', 'app.tasks, app.jobs'];

export function planOf(seed: number, workers?: number): Plan {
  const random = new Random(seed);
  const chosen = random.whole(2, 4);
  const fleet = workers ?? chosen;
  const messages = messageFaults(seed, random);
  const jobs = jobsOf(seed, random);
  const actions = Array.from({ length: random.whole(4, 9) }, () => ({
    atMs: random.whole(50, stormMs),
    ...actionOf(random, fleet),
  }));
  return { seed, workers: fleet, stormMs, messages, jobs, actions: actions.sort((a, b) => a.atMs - b.atMs) };
}

/** The plan for people, one line an action. */
export function describePlan({ seed, workers, messages, jobs, actions }: Plan): string {
  const { drop, double, delay, shuffle } = messages;
  const fates = `drop ${drop.toFixed(2)} double ${double.toFixed(2)} delay ${delay.toFixed(2)}`;
  return [
    `seed ${seed}: ${workers} workers; messages: ${fates}${shuffle ? ' shuffled' : ''}`,
    ...jobs.map(
      ({ atMs, jobType, body, acts }) =>
        `  ${at(atMs)} submit ${jobType} ${body.name} (${sizeOf(body)})${describeActs(acts)}`,
    ),
    ...actions.map(({ atMs, kind, ...rest }) => `  ${at(atMs)} ${kind} ${JSON.stringify(rest)}`),
  ].join('\n');
}

function at(ms: number): string {
  return `${String(ms).padStart(5)} ms`;
}

function sizeOf(body: TrialJob['body']): string {
  return Array.isArray(body.tasks) ? `${body.tasks.length} tasks` : `width ${body.width}`;
}

function messageFaults(seed: number, random: Random): MessageFaults {
  const share = () => (random.chance(0.6) ? random.next() * 0.3 : 0);
  return { seed, drop: share(), double: share(), delay: share(), shuffle: random.chance(0.5) };
}

function jobsOf(seed: number, random: Random): PlannedJob[] {
  const count = random.whole(4, 6);
  return Array.from({ length: count }, (_, index) => ({
    atMs: random.whole(0, 900),
    ...jobOf(seed, `j${index}`, random),
    acts: actsOf(seed, `j${index}`),
  })).sort((a, b) => a.atMs - b.atMs);
}

function jobOf(seed: number, name: string, random: Random): TrialJob {
  const value = random.whole(1, 1_000_000);
  const common = (width: number, ms: number) => ({ seed: value, name: `${seed}-${name}`, width, ms });
  const tasks = (from: number, to: number, change: (work: Work, index: number) => Work = (work) => work) =>
    Array.from({ length: random.whole(from, to) }, (_, index) => change(someWork(random), index));
  // A stream of its own: what the seed decides besides stays as it was.
  const more = randomFor(seed, `mending of ${name}`);
  const failing = (work: Work): Work => ({
    ...work,
    end: 'permanent',
    ...(more.chance(0.6) && { mendsIn: more.whole(2, 3) }),
  });
  const names = ['wide', 'wide', 'deep', 'deep', 'strict', 'failing', 'lenient', 'exhausted', 'empty'];
  switch (random.pick([...names, 'unplannable', 'finalized', 'finalized', 'slow'])) {
    case 'wide':
      return wideJob(common(random.whole(10, 40), random.whole(0, 60)));
    case 'deep':
      return deepJob(common(random.whole(1, 3), random.whole(0, 30)));
    case 'failing': {
      const place = random.whole(0, 4);
      const work = tasks(5, 10, (one, index) => (index === place ? failing(one) : one));
      return strictJob(value, `${seed}-${name}`, work);
    }
    case 'lenient': {
      const share = random.pick([0, 0.3, 0.7, 1]);
      const work = tasks(4, 10, (one) => (random.chance(share) ? failing(one) : one));
      return lenientJob(value, `${seed}-${name}`, work);
    }
    case 'exhausted': {
      const work = tasks(1, 3, (one, index) => (index === 0 ? { ...one, end: 'exhausting' } : { ...one, failures: 0 }));
      return exhaustedJob(value, `${seed}-${name}`, work);
    }
    case 'empty':
      return emptyJob(common(0, random.whole(0, 40)));
    case 'unplannable':
      return unplannableJob(common(0, random.whole(0, 40)));
    case 'finalized': {
      const work = tasks(3, 6, (one, index) => ({ ...one, blob: `${seed}/${name}/${index}`, part: true }));
      const finalize = { finalizeFailures: random.whole(0, 2), finalizeMs: random.whole(0, 400) };
      return finalizedJob(value, `${seed}-${name}`, work, finalize);
    }
    case 'slow':
      // Longer than a lease: kept by its heartbeat alone.
      return strictJob(value, `${seed}-${name}`, [{ ...someWork(random), ms: random.whole(leaseMs, 2 * leaseMs) }]);
    default:
      return strictJob(
        value,
        `${seed}-${name}`,
        tasks(4, 10, (one) => ({ ...one, part: true })),
      );
  }
}

function someWork(random: Random): Work {
  return {
    value: random.whole(1, 1_000_000),
    ms: random.chance(0.8) ? random.whole(0, 60) : random.whole(100, 400),
    failures: random.chance(0.25) ? random.whole(1, 3) : 0,
  };
}

function actionOf(random: Random, workers: number): Action {
  const worker = random.whole(0, workers - 1);
  const instant = random.pick([...instantNames, ...delicateInstants]);
  const downMs = random.whole(0, 500);
  const kind = random.pick(weightedKinds);
  switch (kind) {
    case 'kill':
      return { kind, worker, downMs };
    case 'kill at':
      return { kind, worker, instant };
    case 'freeze':
      return { kind, worker, ms: random.whole(leaseMs, 2 * leaseMs) };
    case 'freeze at':
      // Long enough for another worker to take the task over and to finish it.
      return { kind, worker, instant, ms: random.whole(1.5 * leaseMs, 2.8 * leaseMs) };
    case 'end connections':
      return { kind, worker };
    case 'lose answers':
      return { kind, worker, ms: random.whole(20, 200) };
    case 'restart emulator':
      return { kind, downMs };
    case 'lock table':
      return { kind, table: random.pick(tables), mode: random.pick(lockModes), ms: random.whole(200, 2500) };
  }
}
