import { jobMoves, taskMoves } from '../../core/states.ts';
import { workerLockClass } from '../../infrastructure/postgres/presence.ts';
import { refereeName } from './arena.ts';
import { type Invariant, jobEnded } from './invariant.ts';
import { ofTimeline } from './timeline.ts';

const ended = `('completed', 'failed', 'cancelled')`;

function legal(moves: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(moves).flatMap(([from, targets]) => targets.map((to) => `${from} > ${to}`));
}

/** The stage that a run came to. */
const lastStages = `SELECT r.job, r.run, coalesce(m.old_stage, j.stage) AS stage
  FROM chaos.runs r JOIN app.jobs j ON j.id = r.job
  LEFT JOIN chaos.job_moves m ON m.job = r.job AND m.old_run = r.run AND m.new_run <> m.old_run`;

/** How runs ended, one row each time. */
const runEnds = `SELECT job, new_run AS run, new_status AS status, new_result AS result, xid FROM chaos.job_moves
  WHERE new_status IN ${jobEnded} AND old_status NOT IN ${jobEnded}`;

const ofTasks: readonly Invariant[] = [
  {
    name: 'tasks make legal moves only',
    sql: `SELECT * FROM chaos.task_moves WHERE old_status || ' > ' || new_status <> ALL ($1) AND NOT taken_over`,
    parameters: [legal(taskMoves)],
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
    sql: `SELECT job, run, stage, task, attempt, worker, result FROM app.tasks
          WHERE status = 'completed' AND attempt > 0
            AND ((result->>'attempt')::int <> attempt OR result->>'worker' <> worker)`,
  },
  {
    name: 'every accepted result was made by an execution',
    sql: `SELECT j.job_id, t.run, t.stage, t.task, t.attempt FROM app.tasks t JOIN app.jobs j ON j.id = t.job
          WHERE t.status = 'completed' AND t.attempt > 0 AND NOT EXISTS (
            SELECT FROM chaos.executions e WHERE e.job_id = j.job_id AND e.run = t.run AND e.stage = t.stage
              AND e.task = t.task AND e.attempt = t.attempt AND e.worker = t.worker AND e.event = 'done')`,
  },
  {
    name: 'an attempt belongs to one execution',
    sql: `SELECT job_id, run, stage, task, attempt, count(*) FROM chaos.executions
          WHERE event = 'began' AND task >= 0
          GROUP BY job_id, run, stage, task, attempt HAVING count(*) > 1`,
  },
  {
    name: 'attempts rise one by one, by claims alone',
    sql: `SELECT * FROM chaos.task_moves
          WHERE new_attempt <> old_attempt + CASE WHEN new_status = 'processing' THEN 1 ELSE 0 END`,
  },
  { name: 'no lease is taken that is held', sql: 'SELECT * FROM chaos.task_moves WHERE was_leased' },
  {
    name: 'what has ended is not leased',
    sql: `SELECT job, run, stage, task, status, lease_until FROM app.tasks
          WHERE status <> 'processing' AND lease_until IS NOT NULL`,
  },
  {
    // A claim holds the task's row, and so does the cancellation that comes with its job's end.
    name: 'no task begins, nor is to be tried again, once the end of its job is stored',
    sql: `SELECT * FROM chaos.task_moves WHERE job_over
          AND (new_status = 'retrying' OR (new_status = 'processing' AND old_status <> 'processing'))`,
  },
  {
    name: 'tasks that nobody works on are cancelled as their job ends, and only then',
    sql: `SELECT m.* FROM chaos.task_moves m
          WHERE m.new_status = 'cancelled' AND m.old_status <> 'processing'
            AND NOT EXISTS (SELECT FROM (${runEnds}) e WHERE e.job = m.job AND e.run = m.run AND e.xid = m.xid)`,
  },
  { name: 'who works on a task has its temporary part', sql: 'SELECT * FROM chaos.lost_parts WHERE in_force' },
];

const ofStages: readonly Invariant[] = [
  {
    name: 'every stage is planned once',
    sql: `SELECT job, run, stage, count(*) FROM chaos.stage_moves WHERE what = 'planned'
          GROUP BY job, run, stage HAVING count(*) <> 1`,
  },
  {
    name: 'no stage is planned once the end of its job is stored',
    sql: `SELECT * FROM chaos.stage_moves WHERE what = 'planned' AND job_over`,
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
    sql: `SELECT job, old_run, old_stage, new_stage, count(*), max(open_tasks) AS open_tasks FROM chaos.job_moves
          WHERE old_stage <> new_stage AND old_run = new_run GROUP BY job, old_run, old_stage, new_stage
          HAVING count(*) <> 1 OR new_stage <> old_stage + 1 OR max(open_tasks) > 0`,
  },
  {
    name: 'every run has advanced as far as it says',
    sql: `SELECT l.job, l.run, l.stage, count(m.id) AS advances
          FROM (${lastStages}) l
          LEFT JOIN chaos.job_moves m
            ON m.job = l.job AND m.old_run = l.run AND m.new_run = l.run AND m.old_stage <> m.new_stage
          GROUP BY l.job, l.run, l.stage HAVING count(m.id) <> l.stage - 1`,
  },
  {
    name: 'no stage is beyond its job',
    sql: `SELECT l.job, l.run, l.stage, s.stage AS planned
          FROM (${lastStages}) l JOIN app.stages s ON s.job = l.job AND s.run = l.run
          WHERE s.stage > l.stage`,
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
    sql: `SELECT s.job, s.run, s.stage, s.completed_count, s.failed_count, s.cancelled_count, s.taken_over_count, c.*
          FROM app.stages s, LATERAL (
            SELECT count(*) FILTER (WHERE t.status = 'completed') AS completed,
              count(*) FILTER (WHERE t.status = 'failed') AS failed,
              count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled,
              count(*) FILTER (WHERE t.status = 'completed' AND t.attempt = 0) AS taken_over
            FROM app.tasks t WHERE (t.job, t.run, t.stage) = (s.job, s.run, s.stage)) c
          WHERE (s.completed_count, s.failed_count, s.cancelled_count) <> (c.completed, c.failed, c.cancelled)
            OR s.taken_over_count <> c.taken_over`,
  },
  {
    name: 'a job that completed has the counts of all its stages',
    sql: `SELECT e.job, e.run, s.stage FROM (${runEnds}) e JOIN app.stages s ON s.job = e.job AND s.run = e.run
          WHERE e.status IN ('completed', 'completed_with_errors') AND s.completed_count IS NULL`,
  },
];

const ofJobs: readonly Invariant[] = [
  {
    name: 'jobs make legal moves only',
    sql: `SELECT * FROM chaos.job_moves WHERE old_status <> new_status
          AND old_status || ' > ' || new_status <> ALL ($1)`,
    parameters: [legal(jobMoves)],
  },
  {
    name: 'every run ends exactly once',
    sql: `SELECT r.job, r.run, array_agg(e.status) AS ends
          FROM chaos.runs r LEFT JOIN (${runEnds}) e ON e.job = r.job AND e.run = r.run
          GROUP BY r.job, r.run HAVING count(e.status) <> 1`,
  },
  {
    name: 'nothing changes a job that has ended but its next run, and nothing else begins one',
    sql: `SELECT * FROM chaos.job_moves
          WHERE (old_status IN ${jobEnded} OR new_run <> old_run)
            AND NOT (old_status IN ${jobEnded} AND new_status = 'queued' AND new_run = old_run + 1 AND new_stage = 1)`,
  },
  {
    name: 'the runs of a job are those it has counted',
    sql: `SELECT j.id, j.run, array_agg(r.run ORDER BY r.run) AS runs FROM app.jobs j
          LEFT JOIN chaos.runs r ON r.job = j.id
          GROUP BY j.id HAVING array_agg(r.run ORDER BY r.run) <> ARRAY(SELECT generate_series(1, j.run))`,
  },
  {
    name: 'the receiver was told of the end of every run, and of no other',
    sql: `WITH told AS (
            SELECT j.id AS job, c.status, c.result::text AS result, count(*) FILTER (WHERE c.taken) AS taken
            FROM chaos.callbacks c JOIN app.jobs j ON j.job_id = c.job_id
            GROUP BY j.id, c.status, c.result::text),
          due AS (
            SELECT job, status, result::text AS result, count(*) AS ends FROM (${runEnds}) e
            GROUP BY job, status, result::text)
          SELECT coalesce(d.job, t.job) AS job, coalesce(d.status, t.status) AS status, d.ends, t.taken
          FROM due d FULL JOIN told t
            ON t.job = d.job AND t.status = d.status AND coalesce(t.result, '') = coalesce(d.result, '')
          WHERE d.ends IS NULL OR coalesce(t.taken, 0) < d.ends`,
  },
  {
    name: 'that the receiver took the end of a run is noted with it',
    sql: `SELECT r.job, r.run FROM chaos.runs r
          WHERE NOT EXISTS (SELECT FROM app.job_events e
            WHERE e.job = r.job AND e.run = r.run AND e.event = 'callback_delivered')
          UNION ALL
          SELECT id, run FROM app.jobs WHERE callback_due OR callback_delivered_at IS NULL`,
  },
];

/** The earlier runs that `t` may take something over from, and their tasks of its key and input. */
const sameBefore = `o.job = t.job AND o.run >= r.takes_over_from AND o.run < t.run AND o.stage = t.stage
  AND o.task_key = t.task_key AND o.input::text = t.input::text AND o.status = 'completed'`;

const ofRetries: readonly Invariant[] = [
  {
    name: 'results are taken over only as a stage is planned, by a run that does so',
    sql: `SELECT m.* FROM chaos.task_moves m WHERE m.taken_over AND NOT EXISTS (
            SELECT FROM chaos.stage_moves p JOIN chaos.runs r ON r.job = p.job AND r.run = p.run
            WHERE (p.job, p.run, p.stage) = (m.job, m.run, m.stage) AND p.what = 'planned' AND p.xid = m.xid
              AND r.takes_over_from IS NOT NULL)`,
  },
  {
    name: 'what is taken over is what an earlier run of the same start has completed',
    sql: `SELECT t.job, t.run, t.stage, t.task, t.worker, t.result
          FROM app.tasks t JOIN chaos.runs r ON r.job = t.job AND r.run = t.run
          WHERE t.status = 'completed' AND t.attempt = 0 AND NOT EXISTS (
            SELECT FROM app.tasks o WHERE ${sameBefore} AND o.result::text = t.result::text AND o.worker = t.worker)`,
  },
  {
    name: 'the task of a fan-in is taken over only with everything before it',
    sql: `SELECT t.job, t.run, t.stage, p.stage AS before, p.task_count, p.taken_over_count
          FROM app.tasks t
          JOIN app.stages s ON (s.job, s.run, s.stage) = (t.job, t.run, t.stage) AND s.parallelism = 'fan_in'
          JOIN app.stages p ON p.job = t.job AND p.run = t.run AND p.stage < t.stage
          WHERE t.status = 'completed' AND t.attempt = 0 AND p.taken_over_count < p.task_count`,
  },
  {
    name: 'a retry runs nothing that it could see as completed when it was planned',
    sql: `SELECT t.job, t.run, t.stage, t.task, t.attempt, o.run AS completed_in
          FROM app.tasks t
          JOIN app.stages s ON (s.job, s.run, s.stage) = (t.job, t.run, t.stage) AND s.parallelism <> 'fan_in'
          JOIN chaos.runs r ON r.job = t.job AND r.run = t.run
          JOIN chaos.stage_moves p ON (p.job, p.run, p.stage) = (t.job, t.run, t.stage) AND p.what = 'planned'
          JOIN app.tasks o ON ${sameBefore}
          JOIN chaos.task_moves m ON (m.job, m.run, m.stage, m.task) = (o.job, o.run, o.stage, o.task)
            AND m.new_status = 'completed' AND pg_visible_in_snapshot(m.xid, p.seen)
          WHERE NOT (t.status = 'completed' AND t.attempt = 0)`,
  },
];

/** True of a worker's row, `w`, while the connection that tells of it is there. */
const isPresent = `EXISTS (SELECT FROM pg_locks l
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
    AND l.classid::bigint = $1 AND l.objid::bigint = w.number
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))`;

/** What is seen in the server's own views, of connections that are there. */
export const ofConnections: readonly Invariant[] = [
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
  {
    name: 'workers that died are forgotten',
    sql: `SELECT w.* FROM app.workers w WHERE NOT ${isPresent}`,
    parameters: [workerLockClass],
    withinMs: 5000,
  },
  {
    name: 'workers that live are known',
    sql: `SELECT a.application_name FROM pg_stat_activity a
          WHERE a.datname = current_database() AND a.application_name LIKE 'worker-%' AND NOT EXISTS (
            SELECT FROM app.workers w WHERE w.worker LIKE a.application_name || ':%' AND ${isPresent})
          GROUP BY a.application_name`,
    parameters: [workerLockClass],
    withinMs: 5000,
  },
];

/** What holds in every database of the engine after every storm, whatever the jobs were and their users did. */
export const invariants: readonly Invariant[] = [
  ...ofTasks,
  ...ofStages,
  ...ofJobs,
  ...ofRetries,
  ...ofTimeline,
  ...ofConnections,
];
