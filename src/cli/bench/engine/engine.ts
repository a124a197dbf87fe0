import { mkdir } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { ensurePeers } from '../peers/load.ts';
import { writeSection } from '../report.ts';
import { Arena, type Run } from './arena.ts';
import { type Contestant, contestants, coreMachine } from './contestant.ts';
import { engineReport, runLine } from './engine-report.ts';
import { measureRecovery, recoveryTasks } from './recovery.ts';
import { BenchServer } from './server.ts';
import { quantile } from './statistics.ts';
import { warmUp } from './warm-up.ts';
import { fan, taskCount, type Workload } from './workloads.ts';

export interface EngineOptions {
  readonly rounds: number;
  /** Ids of contestants; null: all. With some alone nothing is written. */
  readonly only: readonly string[] | null;
  readonly sizes: readonly number[];
}

/** What one contestant did in one round. A workload that did not come to its end is missing. */
export interface Round {
  readonly runs: ReadonlyMap<string, readonly Run[]>;
  /** Milliseconds. */
  readonly latency: { readonly p50: number; readonly p95: number } | null;
  /** Seconds from a worker being back until the job was done; null: not within the limit. Undefined: not tried. */
  readonly recovery: number | null | undefined;
}

export const repeats = 3;
/** A run that takes longer is not repeated. */
export const longRunSeconds = 10;
const latencyJobs = 200;

/** Every contestant once a round, in turn, each time with a fresh database and fresh processes. */
export async function benchEngine({ rounds, only, sizes }: EngineOptions): Promise<void> {
  await mkdir('.cache/logs', { recursive: true });
  await ensurePeers();
  const chosen = contestants.filter(({ id }) => only === null || only.includes(id));
  const results = new Map<Contestant, Round[]>(chosen.map((contestant) => [contestant, []]));
  const versions = new Map<string, string>();
  for (let round = 1; round <= rounds; round += 1) {
    // A server of its own: no contestant's tables, statistics or log are another's burden.
    for (const contestant of chosen) {
      const server = await BenchServer.start();
      versions.set('PostgreSQL', server.version);
      try {
        console.log(`\nround ${round}/${rounds}  ${contestant.name}`);
        results.get(contestant)?.push(await oneRound(contestant, server, sizes, round, versions));
      } finally {
        await server.stop();
      }
    }
  }
  const lines = engineReport(results, { rounds, sizes, versions, latencyJobs, recoveryTasks });
  console.log(`\n${lines.join('\n')}`);
  if (only !== null) return;
  await writeSection('engine', lines);
  console.log('\nwritten to docs/performance.md');
}

async function oneRound(
  contestant: Contestant,
  server: BenchServer,
  sizes: readonly number[],
  round: number,
  versions: Map<string, string>,
): Promise<Round> {
  const runs = new Map<string, Run[]>();
  const arena = await Arena.open(contestant, server);
  if (arena.redisVersion !== null) versions.set('Redis', arena.redisVersion);
  let latency: Round['latency'] = null;
  let recovery: Round['recovery'];
  try {
    await warmUp(arena);
    latency = await measureLatency(arena);
    console.log(`  one job: p50 ${latency.p50.toFixed(1)} ms, p95 ${latency.p95.toFixed(1)} ms`);
    for (const workload of workloads(sizes)) {
      runs.set(workload.label, await repeat(arena, workload));
    }
    // A contestant that waits for hours is waited for once.
    if (contestant === coreMachine || (round === 1 && !contestant.batched)) {
      recovery = await measureRecovery(arena, contestant);
    }
  } catch (error) {
    // A peer that fails lacks a figure; what is promised of CoreMachine fails the benchmark.
    if (contestant === coreMachine) throw error;
    console.log(`  ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await arena.close();
  }
  return { runs, latency, recovery };
}

/** Several runs, each of jobs of its own; one where it takes long. */
async function repeat(arena: Arena, workload: Workload): Promise<Run[]> {
  const runs: Run[] = [];
  for (let time = 1; time <= repeats; time += 1) {
    const { label } = workload;
    const run = await arena.run({ ...workload, label: `${label}-${time}` }, pollMs(workload));
    console.log(`  ${label.padEnd(10)} ${runLine(taskCount(workload), run)}`);
    runs.push(run);
    if (run.seconds > longRunSeconds) break;
  }
  return runs;
}

export function workloads(sizes: readonly number[]): Workload[] {
  return [...sizes.map((n) => fan(`fan-${n}`, n)), { kind: 'many', label: 'many', jobs: 500, n: 4 }];
}

/** Looking on must cost little beside the work. */
function pollMs(workload: Workload): number {
  return taskCount(workload) > 2000 ? 20 : 5;
}

/** Jobs of one task, one after the other, on an idle system. */
async function measureLatency(arena: Arena): Promise<{ p50: number; p95: number }> {
  const times: number[] = [];
  for (let number = 0; number < latencyJobs; number += 1) {
    const workload: Workload = { kind: 'one', label: `one-${number}` };
    const started = performance.now();
    await arena.submit(workload);
    await arena.untilDone(workload, 1, 30_000);
    times.push(performance.now() - started);
    await wait(20);
  }
  return { p50: quantile(times, 0.5), p95: quantile(times, 0.95) };
}
