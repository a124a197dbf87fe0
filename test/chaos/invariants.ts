import { jobMoves, taskMoves } from '../../core/states.ts';
import { workerLockClass } from '../../infrastructure/postgres/presence.ts';
import { refereeName } from './arena.ts';

/** A statement that finds what must not be; a row is a violation. */
export interface Invariant {
  readonly name: string;
  readonly sql: string;
  readonly parameters?: readonly unknown[];
}

const ended = `('completed', 'failed', 'cancelled')`;
const jobEnded = `('completed', 'completed_with_errors', 'failed', 'cancelled')`;

function legal(moves: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(moves).flatMap(([from, targets]) => targets.map((to) => `${from} > ${to}`));
}

/** What holds in every database of the engine after every storm, whatever the jobs were. */
export const invariants: readonly Invariant[] = [
  {
    name: 'tasks make legal moves only',
    sql: `SELECT * FROM chaos.task_moves WHERE old_status || ' > ' || new_status <> ALL ($1)`,
    parameters: [legal(taskMoves)],
  },
  {
    name: 'jobs make legal moves only',
    sql: `SELECT * FROM chaos.job_moves WHERE old_status <> new_status
          AND old_status || ' > ' || new_status <> ALL ($1)`,
    parameters: [legal(jobMoves)],
  },
  {
    name: 'no accepted result is overwritten',
    sql: `SELECT * FROM chaos.task_moves WHERE old_status IN ${ended}`,
  },
  {
    name: 'every task ends exactly once',
    sql: `SELECT t.job, t.run, t.stage, t.task, t.status, count(m.id) AS ends
          FROM app.tasks t
          LEFT JOIN chaos.task_moves m ON (m.job, m.run, m.stage, m.task) = (t.job, t.run, t.stage, t.task)
            AND m.new_status IN ${ended} AND m.old_status NOT IN ${ended}
          GROUP BY t.job, t.run, t.stage, t.task HAVING count(m.id) <> 1`,
  },
  {
    name: 'the accepted result is of the last attempt and of the worker that held it',
    sql: `SELECT job, stage, task, attempt, worker, result FROM app.tasks
          WHERE status = 'completed'
            AND ((result->>'attempt')::int <> attempt OR result->>'worker' <> worker)`,
  },
  {
    name: 'every accepted result was made by an execution',
    sql: `SELECT j.job_id, t.stage, t.task, t.attempt FROM app.tasks t JOIN app.jobs j ON j.id = t.job
          WHERE t.status = 'completed' AND NOT EXISTS (
            SELECT FROM chaos.executions e WHERE e.job_id = j.job_id AND e.stage = t.stage AND e.task = t.task
              AND e.attempt = t.attempt AND e.worker = t.worker AND e.event = 'done')`,
  },
  {
    name: 'an attempt belongs to one execution',
    sql: `SELECT job_id, stage, task, attempt, count(*) FROM chaos.executions
          WHERE event = 'began' AND task >= 0
          GROUP BY job_id, stage, task, attempt HAVING count(*) > 1`,
  },
  {
    name: 'attempts rise one by one, by claims alone',
    sql: `SELECT * FROM chaos.task_moves
          WHERE new_attempt <> old_attempt + CASE WHEN new_status = 'processing' THEN 1 ELSE 0 END`,
  },
  { name: 'no lease is taken that is held', sql: 'SELECT * FROM chaos.task_moves WHERE was_leased' },
  {
    name: 'every stage is planned once',
    sql: `SELECT job, run, stage, count(*) FROM chaos.stage_moves WHERE what = 'planned'
          GROUP BY job, run, stage HAVING count(*) <> 1`,
  },
  {
    name: 'every stage is closed once and left alone then',
    sql: `SELECT s.job, s.run, s.stage, array_agg(m.what) AS moves
          FROM app.stages s LEFT JOIN chaos.stage_moves m
            ON (m.job, m.run, m.stage) = (s.job, s.run, s.stage) AND m.what <> 'planned'
          GROUP BY s.job, s.run, s.stage HAVING array_agg(m.what) <> '{closed}'`,
  },
  {
    name: 'every stage is advanced once, by one, and with no open task',
    sql: `SELECT job, old_stage, new_stage, count(*), max(open_tasks) AS open_tasks FROM chaos.job_moves
          WHERE old_stage <> new_stage GROUP BY job, old_stage, new_stage
          HAVING count(*) <> 1 OR new_stage <> old_stage + 1 OR max(open_tasks) > 0`,
  },
  {
    name: 'every job has advanced as far as it says',
    sql: `SELECT j.id, j.stage, count(m.id) AS advances
          FROM app.jobs j LEFT JOIN chaos.job_moves m ON m.job = j.id AND m.old_stage <> m.new_stage
          GROUP BY j.id HAVING count(m.id) <> j.stage - 1`,
  },
  {
    name: 'every job ends exactly once, and nothing changes it then',
    sql: `SELECT j.id, j.status, array_agg(m.old_status || ' > ' || m.new_status ORDER BY m.id) AS moves
          FROM app.jobs j LEFT JOIN chaos.job_moves m ON m.job = j.id
          GROUP BY j.id, j.status
          HAVING count(*) FILTER (WHERE m.new_status IN ${jobEnded}) <> 1
            OR count(*) FILTER (WHERE m.old_status IN ${jobEnded}) <> 0
            OR max(m.new_run) <> 1`,
  },
  {
    name: 'a stage has as many tasks as it says, numbered from 0',
    sql: `SELECT s.job, s.run, s.stage, s.task_count, count(t.task), max(t.task)
          FROM app.stages s LEFT JOIN app.tasks t ON (t.job, t.run, t.stage) = (s.job, s.run, s.stage)
          GROUP BY s.job, s.run, s.stage
          HAVING count(t.task) <> s.task_count OR coalesce(max(t.task), -1) <> s.task_count - 1`,
  },
  {
    name: 'the counts of a closed stage are those of its tasks',
    sql: `SELECT s.job, s.stage, s.completed_count, s.failed_count, s.cancelled_count, c.*
          FROM app.stages s, LATERAL (
            SELECT count(*) FILTER (WHERE t.status = 'completed') AS completed,
              count(*) FILTER (WHERE t.status = 'failed') AS failed,
              count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled
            FROM app.tasks t WHERE (t.job, t.run, t.stage) = (s.job, s.run, s.stage)) c
          WHERE (s.completed_count, s.failed_count, s.cancelled_count) <> (c.completed, c.failed, c.cancelled)`,
  },
  {
    name: 'a job that completed has the counts of all its stages',
    sql: `SELECT j.id, s.stage FROM app.jobs j JOIN app.stages s ON s.job = j.id AND s.run = j.run
          WHERE j.status IN ('completed', 'completed_with_errors') AND s.completed_count IS NULL`,
  },
  {
    name: 'no stage is beyond its job',
    sql: `SELECT j.id, j.stage, s.stage AS planned FROM app.jobs j JOIN app.stages s ON s.job = j.id AND s.run = j.run
          WHERE s.stage > j.stage`,
  },
  {
    name: 'what has ended is not leased',
    sql: `SELECT job, stage, task, status, lease_until FROM app.tasks
          WHERE status <> 'processing' AND lease_until IS NOT NULL`,
  },
  {
    name: 'the callback of every job was taken, with its end and its result',
    sql: `SELECT j.job_id, j.status, array_agg(c.status) AS told FROM app.jobs j
          LEFT JOIN chaos.callbacks c ON c.job_id = j.job_id
          GROUP BY j.id HAVING NOT coalesce(bool_or(c.taken), false)
            OR bool_or(c.status <> j.status OR c.result::text IS DISTINCT FROM j.result::text)
            OR j.callback_due OR j.callback_delivered_at IS NULL`,
  },
  {
    name: 'no connection is left in a transaction',
    sql: `SELECT application_name, state, left(query, 100) AS query FROM pg_stat_activity
          WHERE datname = current_database() AND backend_type = 'client backend'
            AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '100 ms'`,
  },
  {
    name: 'no lock is waited for',
    sql: `SELECT a.application_name, l.locktype, l.mode FROM pg_locks l
          JOIN pg_stat_activity a ON a.pid = l.pid
          WHERE a.datname = current_database() AND l.pid <> pg_backend_pid()
            AND NOT l.granted AND a.state_change < clock_timestamp() - interval '500 ms'`,
  },
  {
    // The engine holds one for each worker that lives, and at rest no other, not even for a moment.
    name: 'no advisory lock is held in vain',
    sql: `SELECT a.application_name, a.query, l.classid, l.objid, l.mode FROM pg_locks l
          JOIN pg_stat_activity a ON a.pid = l.pid
          WHERE a.datname = current_database() AND l.locktype = 'advisory' AND l.granted
            AND NOT (l.classid::bigint = $1 AND l.objsubid = 2
              AND l.objid::bigint IN (SELECT w.number FROM app.workers w))`,
    parameters: [workerLockClass],
  },
  {
    name: 'no worker has more connections than its pool',
    sql: `SELECT application_name, count(*) FROM pg_stat_activity
          WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> $1
          GROUP BY application_name HAVING count(*) > 7 OR application_name NOT LIKE 'worker-%'`,
    parameters: [refereeName],
  },
];
