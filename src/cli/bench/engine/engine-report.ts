import { median } from '../measure.ts';
import { peerVersion } from '../peers/load.ts';
import { machineLine } from '../report.ts';
import type { Run } from './arena.ts';
import { type Contestant, coreMachine } from './contestant.ts';
import { longRunSeconds, type Round, repeats, workloads } from './engine.ts';
import { recoveryLimitSeconds } from './recovery.ts';
import { warmUpRuns } from './warm-up.ts';
import { concurrency, taskCount } from './workloads.ts';

export interface ReportContext {
  readonly rounds: number;
  readonly sizes: readonly number[];
  /** Of the servers. */
  readonly versions: ReadonlyMap<string, string>;
  readonly latencyJobs: number;
  readonly recoveryTasks: { readonly n: number; readonly taskMs: number };
}

type Results = ReadonlyMap<Contestant, readonly Round[]>;

/** The section of docs/performance.md. */
export function engineReport(results: Results, context: ReportContext): string[] {
  const { rounds, latencyJobs, recoveryTasks } = context;
  return [
    '## The engine beside other queues',
    '',
    `\`./run bench engine\`, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${machineLine()}; ${versionText(results, context)}.`,
    `All on one machine: one worker process with ${concurrency} tasks at once, PostgreSQL with default durability, Redis`,
    'with appendfsync always, CoreMachine’s messages over AMQP through the emulator in a process of its own. Every task has',
    '200 bytes of input and stores 200 bytes as its result; the last task of a job reads all results of the others.',
    `Every contestant is warm: it has run fans of ${warmUpRuns.tasks} tasks for ${warmUpRuns.seconds} s before. Speeds are medians of ${repeats} runs a round, of one`,
    `where a run takes longer than ${longRunSeconds} s.`,
    '',
    ...setups,
    '',
    'Tasks per second (in brackets: CoreMachine’s speed as a ratio to this one’s):',
    '',
    ...speedTable(results, context.sizes),
    '',
    `What a task costs at N = ${costSize(context.sizes)}. Commits are transactions that wrote; of Redis, commands are counted, those`,
    'of its scripts included:',
    '',
    ...costTable(results, costSize(context.sizes)),
    '',
    `One job of one task on an idle system, submit to done, ${latencyJobs} jobs; and the time to the end of a job of`,
    `${recoveryTasks.n} tasks of ${recoveryTasks.taskMs} ms after its worker was ended by kill -9 in the middle, from another worker being there`,
    `(waited for ${recoveryLimitSeconds} s at most). At the kill some of its tasks were done and others were not: counted. What`,
    'CoreMachine had accepted by then was unchanged at the end, its attempts too:',
    '',
    ...latencyTable(results),
  ];
}

/** How the others are set up, where there is a choice. */
const setups = [
  'graphile-worker: with its defaults, each job fetched and completed on its own; as its performance page advises,',
  'completions sent together and a local queue of 65 jobs; and with a queue of 500 and its user’s results stored together.',
  'It keeps no results, so each task stores its own in a table. pg-boss: woken by NOTIFY, fetching on while batches are',
  'full, each job settled with its own output. Both start the fan-in by a check of our own,',
  'made when no task has ended for 10 ms: pg-boss’s flows would start it within seconds, graphile-worker has none. BullMQ: a',
  'flow of a parent and its children. DBOS: each task a workflow on a queue, or each a step of one workflow, 64 at once.',
];

/** One run in one line, for the terminal. */
export function runLine(tasks: number, { seconds, cpu, database, redisCommands }: Run): string {
  const per = (value: number) => (value / tasks).toFixed(3);
  const used = Object.entries(cpu).map(([name, value]) => `${name} ${value.toFixed(2)} s`);
  return [
    `${(tasks / seconds).toFixed(0).padStart(6)}/s  ${seconds.toFixed(2)} s`,
    `CPU ${used.join(', ')}`,
    `a task: ${per(database.statements)} statements, ${per(database.commits)} commits, ${per(database.walBytes)} WAL bytes, ${per(redisCommands)} Redis commands`,
  ].join('; ');
}

/** The largest of the sizes that the aims are about. */
function costSize(sizes: readonly number[]): number {
  return Math.max(...sizes.filter((n) => n <= 5000));
}

function speedTable(results: Results, sizes: readonly number[]): string[] {
  const columns = workloads(sizes);
  const heads = columns.map(({ label }) => label.replace('fan-', 'fan, N = ').replace('many', 'many, 500 × 6'));
  const rows = [...results].map(([contestant, rounds]) => {
    const cells = columns.map((workload) => {
      const ours = tasksPerSecond(results.get(coreMachine) ?? [], workload.label, taskCount(workload));
      const theirs = tasksPerSecond(rounds, workload.label, taskCount(workload));
      if (Number.isNaN(theirs)) return 'not finished';
      const ratio = contestant === coreMachine ? '' : ` (${(ours / theirs).toFixed(2)})`;
      return `${wholeNumber(theirs)}${ratio}`;
    });
    return row(contestant.name, ...cells);
  });
  return [...head('', ...heads), ...rows];
}

function costTable(results: Results, size: number): string[] {
  const label = `fan-${size}`;
  const rows = [...results].map(([contestant, rounds]) => {
    const tasks = size + 2;
    const each = (pick: (run: Run) => number) => middle(rounds, label, (run) => pick(run) / tasks);
    const cpu = (name: string) => {
      const milliseconds = each((run) => 1000 * (run.cpu[name] ?? 0));
      return milliseconds > 0 ? `${milliseconds.toFixed(2)}` : '–';
    };
    const messages = contestant.needs === 'redis' ? cpu('Redis') : cpu('emulator');
    const inRedis = contestant.needs === 'redis';
    const statements = inRedis
      ? `${each((run) => run.redisCommands).toFixed(1)} commands`
      : each(statementsOf).toFixed(2);
    const [commits, wal] = inRedis ? ['–', '–'] : [each(commitsOf).toFixed(3), wholeNumber(each(walOf))];
    return row(contestant.name, cpu('worker'), inRedis ? '–' : cpu('PostgreSQL'), messages, statements, commits, wal);
  });
  const heads = [
    'worker, CPU ms',
    'PostgreSQL, CPU ms',
    'emulator or Redis, CPU ms',
    'statements',
    'commits',
    'WAL bytes',
  ];
  return [...head('', ...heads), ...rows];
}

function latencyTable(results: Results): string[] {
  const rows = [...results].map(([contestant, rounds]) => {
    const measured = rounds.flatMap(({ latency }) => latency ?? []);
    const p50 = median(measured.map((one) => one.p50));
    const p95 = median(measured.map((one) => one.p95));
    return row(contestant.name, ...[p50, p95].map((value) => `${value.toFixed(1)} ms`), recoveryText(rounds));
  });
  return [...head('', 'p50', 'p95', 'recovery'), ...rows];
}

function recoveryText(rounds: readonly Round[]): string {
  const tried = rounds.flatMap(({ recovery }) => (recovery === undefined ? [] : [recovery]));
  if (tried.length === 0) return 'not measured';
  const value = median(tried.map((seconds) => seconds ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(value) ? `${value.toFixed(1)} s` : `more than ${recoveryLimitSeconds} s`;
}

const statementsOf = ({ database }: Run) => database.statements;
const commitsOf = ({ database }: Run) => database.commits;
const walOf = ({ database }: Run) => database.walBytes;

function tasksPerSecond(rounds: readonly Round[], label: string, tasks: number): number {
  return middle(rounds, label, ({ seconds }) => tasks / seconds);
}

function middle(rounds: readonly Round[], label: string, pick: (run: Run) => number): number {
  return median(rounds.flatMap(({ runs }) => runs.get(label) ?? []).map(pick));
}

function wholeNumber(value: number): string {
  return value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ',');
}

function head(...cells: readonly string[]): string[] {
  return [row(...cells), `|${cells.map(() => '---|').join('')}`];
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function versionText(results: Results, { versions }: ReportContext): string {
  const packages = [...new Set([...results.keys()].flatMap((contestant) => contestant.packages))];
  return [
    ...[...versions].map(([name, version]) => `${name} ${version}`),
    ...packages.map((name) => `${name} ${peerVersion(name)}`),
  ].join(', ');
}
