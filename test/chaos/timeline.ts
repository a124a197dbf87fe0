import { type Invariant, jobEnded } from './invariant.ts';

/** Each move that is worth telling, as the timeline must tell it, with the transaction that made it. */
const steps = `
  SELECT job, run, NULL::int AS stage, NULL::int AS task, NULL::int AS attempt,
    CASE run WHEN 1 THEN 'job_created' ELSE 'job_rerun' END AS event, xid
  FROM chaos.runs
  UNION ALL
  SELECT job, new_run, new_stage, NULL, NULL, 'job_' || new_status, xid FROM chaos.job_moves
  WHERE new_status IN ${jobEnded} AND old_status NOT IN ${jobEnded}
  UNION ALL
  SELECT job, run, stage, NULL, NULL, 'stage_started', xid FROM chaos.stage_moves WHERE what = 'planned'
  UNION ALL
  SELECT job, old_run, old_stage, NULL, NULL, 'stage_completed', xid FROM chaos.job_moves
  WHERE old_run = new_run AND old_stage <> new_stage
  UNION ALL
  SELECT job, run, stage, task, old_attempt,
    CASE new_status WHEN 'failed' THEN 'task_failed' WHEN 'retrying' THEN 'task_retried' ELSE 'lease_lost' END, xid
  FROM chaos.task_moves
  WHERE (new_status IN ('failed', 'retrying') AND old_status <> new_status)
    OR (old_status = 'processing' AND new_status = 'processing' AND old_attempt <> new_attempt)`;

/**
 * What the timeline tells, each event with the transaction that wrote it. Calls of the receiver are no moves and have an
 * invariant of their own; plans and ends that failed leave no other trace than their event.
 */
const told = `
  SELECT job, run, stage, task, attempt, event, xmin::text AS xid FROM app.job_events
  WHERE event NOT IN ('callback_delivered', 'plan_retried', 'finalize_retried')`;

/** As `xmin` has it: the lower half. */
const taken = `
  SELECT job, run, stage, task, attempt, event, (xid::text::numeric % 4294967296)::text AS xid FROM (${steps}) s`;

/** As multisets: neither is a step told twice. */
export const ofTimeline: readonly Invariant[] = [
  {
    name: 'the timeline has every step that was taken, written with it',
    sql: `${taken} EXCEPT ALL ${told}`,
  },
  {
    name: 'the timeline has no step that was not taken, and none twice',
    sql: `${told} EXCEPT ALL ${taken}`,
  },
];
