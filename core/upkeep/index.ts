import type { Engine } from '../machine/engine.ts';
import { leases } from './leases.ts';
import type { UpkeepOutcome } from './report.ts';
import { republish } from './republish.ts';
import { retention } from './retention.ts';
import { stages } from './stages.ts';
import { timeouts } from './timeouts.ts';

export type { UpkeepReport } from './report.ts';

/** The reconciler: each run finds one kind of work left undone and does it. */
export const upkeepRuns = {
  republish: (engine: Engine) => republish(engine),
  leases: (engine: Engine) => leases(engine),
  stages: (engine: Engine, patienceMs?: number) => stages(engine, patienceMs),
  timeouts: (engine: Engine) => timeouts(engine),
  retention: (engine: Engine) => retention(engine),
} as const satisfies Record<string, (engine: Engine, patienceMs?: number) => Promise<UpkeepOutcome>>;

export type UpkeepRun = keyof typeof upkeepRuns;

export const upkeepRunNames = Object.keys(upkeepRuns) as readonly UpkeepRun[];
