import { mkdir } from 'node:fs/promises';
import { Arena, type Run } from './arena.ts';
import { coreMachine } from './contestant.ts';
import { BenchServer } from './server.ts';
import { taskCount, type Workload } from './workloads.ts';

export async function benchEngine(_rounds: number): Promise<void> {
  await mkdir('.cache/logs', { recursive: true });
  const server = await BenchServer.start();
  const profiles = process.env.BENCH_PROFILES;
  const env = profiles ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` } : {};
  try {
    const arena = await Arena.open(coreMachine, server, env);
    try {
      await arena.run(fan('warm', 500));
      for (const n of [100, 1000, 5000]) {
        await server.resetStatements();
        const run = await arena.run(fan(`fan-${n}`, n));
        console.log(runLine(fan('', n), run));
      }
      for (const { calls, milliseconds, query } of await server.topStatements(14))
        console.log(`${String(calls).padStart(7)} x ${milliseconds.toFixed(0).padStart(6)} ms  ${query}`);
    } finally {
      await arena.close();
    }
  } finally {
    await server.stop();
  }
}

function fan(label: string, n: number): Workload {
  return { kind: 'fan', label, n, taskMs: 0 };
}

function runLine(workload: Workload, { seconds, cpu, database }: Run): string {
  const tasks = taskCount(workload);
  const per = (value: number) => (value / tasks).toFixed(3);
  const seconds2 = Object.entries(cpu).map(([name, value]) => `${name} ${value.toFixed(2)} s`);
  return [
    `${tasks} tasks in ${seconds.toFixed(2)} s = ${(tasks / seconds).toFixed(0)}/s`,
    `CPU ${seconds2.join(', ')}`,
    `per task ${per(database.statements)} statements, ${per(database.commits)} commits, ${per(database.walBytes)} WAL bytes`,
  ].join('; ');
}
