import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Arena } from './arena.ts';
import { coreMachine } from './contestant.ts';
import { runLine } from './engine-report.ts';
import { profileLines } from './profile.ts';
import { BenchServer } from './server.ts';
import { taskCount, type Workload } from './workloads.ts';

const folder = '.cache/bench/profile';
const workloads: readonly Workload[] = [
  { kind: 'fan', label: 'fan-5000', n: 5000, taskMs: 0 },
  { kind: 'many', label: 'many', jobs: 500, n: 4 },
];

/** CoreMachine alone under V8's profiler: for each workload its costs, its dearest statements, its dearest functions. */
export async function benchProfile(): Promise<void> {
  const lines: string[] = [];
  for (const workload of workloads) {
    const profiles = join(folder, workload.label);
    await rm(profiles, { recursive: true, force: true });
    await mkdir(profiles, { recursive: true });
    lines.push(`# ${workload.label}`, '', ...(await profileOf(workload, profiles)));
  }
  const report = join(folder, 'profile.md');
  await writeFile(report, lines.join('\n'));
  console.log(`${lines.join('\n')}\nwritten to ${report}`);
}

async function profileOf(workload: Workload, profiles: string): Promise<string[]> {
  const server = await BenchServer.start();
  const lines: string[] = [];
  try {
    const arena = await Arena.open(coreMachine, server, { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` });
    try {
      await arena.run({ kind: 'fan', label: 'warm', n: 500, taskMs: 0 });
      await server.resetStatements();
      lines.push(runLine(taskCount(workload), await arena.run(workload)), '');
      lines.push('| calls | ms | statement |', '|---|---|---|');
      for (const { calls, milliseconds, query } of await server.topStatements(20)) {
        lines.push(`| ${calls} | ${milliseconds.toFixed(0)} | ${query.replaceAll('|', '\\|')} |`);
      }
    } finally {
      await arena.close();
    }
  } finally {
    await server.stop();
  }
  if ((await readdir(profiles)).length === 0) throw new Error('the processes left no profile');
  return [...lines, '', ...(await profileLines(profiles, 25))];
}
