import { type Random, randomFor } from './random.ts';

/** What a user can ask of a job that was submitted. `submit`: the same once more; `force`: with `?force=true`. */
export const requestKinds = ['cancel', 'submit', 'force', 'retry', 'retry from start'] as const;
export type RequestKind = (typeof requestKinds)[number];

export interface Act {
  readonly kind: RequestKind;
  /** Since the act before, or since the job was accepted. */
  readonly afterMs: number;
  /** Waits after that until the job has ended, as one does who looks at it first. */
  readonly patient: boolean;
}

const againKinds: readonly RequestKind[] = ['submit', 'retry', 'retry', 'retry from start', 'force'];

/** What a job's user does while it runs and afterwards; of every other job nothing. The same for the same seed and name. */
export function actsOf(seed: number, name: string): Act[] {
  const random = randomFor(seed, `acts of ${name}`);
  if (random.chance(0.45)) return [];
  return Array.from({ length: random.whole(1, 4) }, (_, index) => actOf(random, index === 0));
}

export function describeActs(acts: readonly Act[]): string {
  return acts.map(({ kind, afterMs, patient }) => `, ${patient ? 'ended + ' : '+'}${afterMs} ms ${kind}`).join('');
}

/** A job is cancelled soon, if ever: it does not run for long. */
function actOf(random: Random, first: boolean): Act {
  if (random.chance(first ? 0.6 : 0.35)) return { kind: 'cancel', afterMs: random.whole(0, 700), patient: false };
  return { kind: random.pick(againKinds), afterMs: random.whole(0, 300), patient: random.chance(0.8) };
}
