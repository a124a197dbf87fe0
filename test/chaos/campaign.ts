import { Arena } from './arena.ts';
import { type Mutant, mutants } from './hurried-store.ts';
import { describePlan, planOf } from './plan.ts';
import { runTrial, type TrialOptions, type TrialReport } from './trial.ts';

export interface CampaignOptions extends TrialOptions {
  readonly seeds: readonly number[];
  /** Default: as the seed says, two to four. */
  readonly workers?: number;
  /** Trials at a time, each with a database, an emulator and workers of its own. */
  readonly lanes: number;
  readonly mutant: Mutant | null;
  readonly onReport?: (report: TrialReport, account: string) => void;
  /** Of failed trials. Default true. */
  readonly keepLogs?: boolean;
  readonly signal?: AbortSignal;
}

/** Runs the seeds; a failed one leaves its arena's logs and gets a new arena. */
export async function runCampaign(options: CampaignOptions): Promise<TrialReport[]> {
  const waiting = [...options.seeds];
  const reports: TrialReport[] = [];
  const lane = async () => {
    let arena: Arena | null = null;
    try {
      for (let seed = waiting.shift(); seed !== undefined && !options.signal?.aborted; seed = waiting.shift()) {
        arena ??= await Arena.open(options.mutant);
        const report = await tryTrial(arena, seed, options);
        reports.push(report);
        options.onReport?.(report, report.problems.length > 0 ? account(report, arena, options) : '');
        if (report.problems.length === 0) continue;
        const failed: Arena = arena;
        arena = null;
        await failed.close({ keepLogs: options.keepLogs ?? true });
      }
    } finally {
      await arena?.close({ keepLogs: false });
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.lanes, options.seeds.length) }, lane));
  return reports;
}

/** The mutant that CHAOS_MUTANT names; null when it is not set. */
export function mutantOf(name: string | undefined): Mutant | null {
  if (!name) return null;
  const found = mutants.find((mutant) => mutant === name);
  if (!found) throw new Error(`CHAOS_MUTANT knows ${mutants.join(', ')}; not ${name}`);
  return found;
}

/** A trial that breaks down has failed as well. */
async function tryTrial(arena: Arena, seed: number, options: CampaignOptions): Promise<TrialReport> {
  const started = Date.now();
  try {
    return await runTrial(arena, planOf(seed, options.workers), options);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const durationMs = Date.now() - started;
    const problems = [`the trial broke down: ${text}`];
    return { seed, problems, durationMs, settledMs: 0, replaced: 0, moves: 0, struck: [] };
  }
}

function account({ seed, problems }: TrialReport, arena: Arena, { workers, mutant }: CampaignOptions): string {
  const again = `${mutant ? `CHAOS_MUTANT=${mutant} ` : ''}./run chaos --seed ${seed}`;
  return [
    describePlan(planOf(seed, workers)),
    ...problems,
    `the workers' logs: ${arena.folder}`,
    `to replay: ${again}${workers === undefined ? '' : ` --workers ${workers}`}`,
  ].join('\n');
}
