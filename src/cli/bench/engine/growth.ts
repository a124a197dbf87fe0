import { mkdir } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { median } from '../measure.ts';
import { machineLine, writeSection } from '../report.ts';
import { Arena, type Run } from './arena.ts';
import { coreMachine } from './contestant.ts';
import { runLine } from './engine-report.ts';
import { BenchServer } from './server.ts';
import { warmUp } from './warm-up.ts';
import { fan, payload } from './workloads.ts';

const small = 1000;
const large = 100_000;
/** Jobs of N = 1,000 are short: each median is of this many a round. */
const repeats = 15;
const tasksPerOldJob = 100_000;

export interface GrowthOptions {
  readonly rounds: number;
  /** Finished tasks that stand in the table before the last measurement. */
  readonly finished: number;
}

/** What a task costs, by the number of tasks. */
interface Cost {
  readonly milliseconds: number;
  readonly statements: number;
  readonly walBytes: number;
  readonly fullPages: number;
}

interface GrowthRound {
  readonly small: Cost;
  readonly large: Cost;
  /** Of N = 1,000 again, with the finished tasks in the table. */
  readonly full: Cost;
}

/** Does a task cost more in a large stage, or in a table that has grown for years? */
export async function benchGrowth({ rounds, finished }: GrowthOptions): Promise<void> {
  await mkdir('.cache/logs', { recursive: true });
  const measured: GrowthRound[] = [];
  let version = '';
  for (let round = 1; round <= rounds; round += 1) {
    console.log(`\nround ${round}/${rounds}`);
    const server = await BenchServer.start();
    version = server.version;
    try {
      measured.push(await oneRound(server, finished));
    } finally {
      await server.stop();
    }
  }
  const lines = growthReport(measured, finished, version);
  console.log(`\n${lines.join('\n')}`);
  await writeSection('growth', lines);
  console.log('\nwritten to docs/performance.md');
}

async function oneRound(server: BenchServer, finished: number): Promise<GrowthRound> {
  const arena = await Arena.open(coreMachine, server);
  try {
    await warmUp(arena);
    const before = await costOf(arena, 'small', small, repeats);
    const big = await costOf(arena, 'large', large, 1);
    await addFinishedTasks(arena, finished);
    await untilSettled(arena);
    const full = await costOf(arena, 'full', small, repeats);
    return { small: before, large: big, full };
  } finally {
    await arena.close();
  }
}

async function costOf(arena: Arena, label: string, n: number, times: number): Promise<Cost> {
  const runs: Run[] = [];
  for (let time = 0; time < times; time += 1) {
    const run = await arena.run(fan(`${label}-${time}`, n), n > small ? 50 : 5);
    console.log(`  ${label.padEnd(6)} ${runLine(n + 2, run)}`);
    runs.push(run);
  }
  const middle = (pick: (run: Run) => number) => median(runs.map(pick)) / (n + 2);
  return {
    milliseconds: middle(({ seconds }) => 1000 * seconds),
    statements: middle(({ database }) => database.statements),
    walBytes: middle(({ database }) => database.walBytes),
    fullPages: middle(({ database }) => database.fullPages),
  };
}

/**
 * As the engine leaves them behind, without running them: tasks that grew by their results fill three fifths of a page.
 * Then what autovacuum would do by itself in a while.
 */
async function addFinishedTasks(arena: Arena, count: number): Promise<void> {
  const started = performance.now();
  const { rows } = await arena.watch.query<{ fillfactor: string }>(fillfactorOfTasks);
  await arena.watch.query('ALTER TABLE app.tasks SET (fillfactor = 60)');
  for (let done = 0; done < count; done += tasksPerOldJob) {
    await arena.watch.query(oldJob, [Math.min(tasksPerOldJob, count - done), done, payload]);
  }
  await arena.watch.query(`ALTER TABLE app.tasks SET (fillfactor = ${Number(rows[0]?.fillfactor)})`);
  // Counted before the table is vacuumed, and not as changes after it, for which autovacuum would begin at once.
  await arena.watch.query('SELECT pg_stat_force_next_flush()');
  await arena.watch.query('VACUUM (ANALYZE) app.tasks, app.stages, app.jobs');
  console.log(`  ${count} finished tasks added in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

/** What was added is not the measured jobs' to pay for: its last writes, and whatever autovacuum still does about it. */
async function untilSettled(arena: Arena): Promise<void> {
  await arena.run(fan('settle', 3 * small));
  const autovacuum = `SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'`;
  while ((await arena.watch.query(autovacuum)).rows.length > 0) await wait(500);
}

const fillfactorOfTasks = `
  SELECT option_value AS fillfactor FROM pg_class, pg_options_to_table(reloptions)
   WHERE oid = 'app.tasks'::regclass AND option_name = 'fillfactor'`;

const oldJob = `
  WITH job AS (
    INSERT INTO app.jobs (job_id, job_type, total_stages, status, parameters, metadata, result, correlation_id, completed_at)
    VALUES (encode(sha256(convert_to('old-' || $2::text, 'UTF8')), 'hex'), 'bench_fan', 1, 'completed', '{}', '{}', '{}', 'old', now())
    RETURNING id
  ), stage AS (
    INSERT INTO app.stages (job, run, stage, task_count, published_count, completed_count, failed_count, cancelled_count,
                            completed_at, name, handler, parallelism, policy)
    SELECT id, 1, 1, $1::int, $1::int, $1::int, 0, 0, now(), 'items', 'bench_item', 'single', 'fail' FROM job
    RETURNING job
  )
  INSERT INTO app.tasks (job, run, stage, task, attempt, status, task_key, worker, input, result, started_at, finished_at)
  SELECT stage.job, 1, 1, number, 1, 'completed', 'item-' || number, 'old:1',
         json_build_object('number', number, 'text', $3::text), json_build_object('number', number, 'text', $3::text),
         now(), now()
    FROM stage, generate_series(0, $1::int - 1) AS number`;

/** The section of docs/performance.md. */
export function growthReport(rounds: readonly GrowthRound[], finished: number, version: string): string[] {
  const row = (name: string, pick: (round: GrowthRound) => Cost) => {
    const costs = (one: (cost: Cost) => number) => median(rounds.map((round) => one(pick(round))));
    const ratios = (one: (cost: Cost) => number) => median(rounds.map((round) => one(pick(round)) / one(round.small)));
    const cells = [
      `${costs((cost) => cost.milliseconds).toFixed(3)} ms (${ratios((cost) => cost.milliseconds).toFixed(2)})`,
      `${costs((cost) => cost.statements).toFixed(3)} (${ratios((cost) => cost.statements).toFixed(2)})`,
      `${costs((cost) => cost.walBytes).toFixed(0)} (${ratios((cost) => cost.walBytes).toFixed(2)})`,
      costs((cost) => cost.fullPages).toFixed(3),
    ];
    return `| ${name} | ${cells.join(' | ')} |`;
  };
  return [
    '## Growth',
    '',
    `\`./run bench growth\`, ${rounds.length} ${rounds.length === 1 ? 'round' : 'rounds'}, ${machineLine()}, PostgreSQL ${version}. What a task of a fan costs; in brackets as a`,
    'ratio to N = 1,000 in an empty table. Every run begins after a checkpoint: a page of the table that is changed for the',
    'first time after it is logged whole, which in production happens once in a checkpoint’s interval.',
    '',
    '| | time | statements | WAL bytes | of these, whole pages |',
    '|---|---|---|---|---|',
    row('N = 1,000', (round) => round.small),
    row('N = 100,000', (round) => round.large),
    row(`N = 1,000, ${finished.toLocaleString('en')} finished tasks in the table`, (round) => round.full),
  ];
}
