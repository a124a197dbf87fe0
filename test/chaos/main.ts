import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { bar, LiveLine } from '../../src/cli/bar.ts';
import { commandLine, wholeNumber } from '../../src/cli/command-line.ts';
import { mutantOf, runCampaign } from './campaign.ts';
import { describePlan, planOf } from './plan.ts';
import type { TrialReport } from './trial.ts';

const help = `./run chaos [--seeds 200] [--first 1] [--seed S] [--workers 2-4] [--lanes N]
  --seeds N    how many seeds, from --first on
  --seed S     this one alone, with what the adversary does
  --workers N  for every seed, instead of what the seed says
  --lanes N    seeds at a time; default: half as many as processors`;

/** `./run chaos`: seed after seed, and one closing line. The exit code is the verdict. */
async function main(): Promise<number> {
  const { seeds, workers, lanes } = commandLine(help, readArguments);
  const mutant = mutantOf(process.env.CHAOS_MUTANT);
  if (seeds.length === 1) console.log(describePlan(planOf(seeds[0] ?? 0, workers)));
  const line = new LiveLine();
  const started = Date.now();
  const counts = { passed: 0, failed: 0 };
  const onReport = (report: TrialReport, account: string) => {
    counts[report.problems.length > 0 ? 'failed' : 'passed'] += 1;
    if (account) line.done(account);
    if (!process.stdout.isTTY) console.log(summary(report));
    const done = counts.passed + counts.failed;
    const progress = `${bar(done / seeds.length)}  ${done} of ${seeds.length} seeds, ${counts.failed} failed`;
    line.update(`${progress}, ${Math.round((Date.now() - started) / 1000)} s`);
  };
  await runCampaign({ seeds, lanes, mutant, signal: stopOnSignal(), onReport, ...(workers && { workers }) });
  const seconds = Math.round((Date.now() - started) / 1000);
  line.done(`${counts.passed} seeds passed, ${counts.failed} failed (${seconds} s)`);
  return counts.failed === 0 && counts.passed === seeds.length ? 0 : 1;
}

function summary({ seed, problems, durationMs, settledMs, replaced, moves }: TrialReport): string {
  const verdict = problems.length > 0 ? 'FAILED' : 'passed';
  const notes = replaced > 0 ? `, ${replaced} deaf workers replaced` : '';
  return `seed ${seed} ${verdict} in ${durationMs} ms, ${settledMs} ms of it to settle; ${moves} moves${notes}`;
}

function readArguments(): { seeds: readonly number[]; workers: number | undefined; lanes: number } {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '200' },
      first: { type: 'string', default: '1' },
      seed: { type: 'string' },
      workers: { type: 'string' },
      lanes: { type: 'string', default: String(Math.max(1, Math.floor(availableParallelism() / 2))) },
    },
  });
  const workers = values.workers === undefined ? undefined : wholeNumber('--workers', values.workers, 2, 4);
  const lanes = wholeNumber('--lanes', values.lanes, 1, 16);
  if (values.seed !== undefined) return { seeds: [wholeNumber('--seed', values.seed, 0, 2 ** 31)], workers, lanes };
  const first = wholeNumber('--first', values.first, 0, 2 ** 31);
  const count = wholeNumber('--seeds', values.seeds, 1, 100_000);
  return { seeds: Array.from({ length: count }, (_, index) => first + index), workers, lanes };
}

function stopOnSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
