import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import type { JsonObject } from '../../core/json.ts';
import type { RequestKind } from './acts.ts';
import type { PlayedJob, Try } from './client.ts';
import type { Expectation } from './expected.ts';

/** One run of a job, as the audit has seen it. */
export interface Run {
  readonly jobId: string;
  readonly run: number;
  readonly correlationId: string;
  readonly takesOverFrom: number | null;
  /** null: it has not ended. */
  readonly status: string | null;
  readonly code: string | null;
  readonly result: JsonObject | null;
  /** How many tasks each stage has that was planned. */
  readonly tasks: readonly number[];
}

/** In order. */
export async function readRuns(pool: pg.Pool): Promise<Run[]> {
  const { rows } = await pool.query<Run>(
    `SELECT j.job_id AS "jobId", r.run, r.correlation_id AS "correlationId", r.takes_over_from AS "takesOverFrom",
       m.new_status AS status, m.new_error->>'code' AS code, m.new_result AS result,
       ARRAY(SELECT s.task_count FROM app.stages s WHERE s.job = r.job AND s.run = r.run ORDER BY s.stage) AS tasks
     FROM chaos.runs r
     JOIN app.jobs j ON j.id = r.job
     LEFT JOIN chaos.job_moves m ON m.job = r.job AND m.new_run = r.run
       AND m.new_status NOT IN ('queued', 'processing') AND m.old_status IN ('queued', 'processing')
     ORDER BY j.job_id, r.run, m.id`,
  );
  return rows;
}

type Told = Pick<PlayedJob, 'tries' | 'deserved'>;

/** What is wrong with the runs of a job, given what was asked of it and answered. */
export function wrongRuns(job: Told, runs: readonly Run[]): string[] {
  return [
    ...runs.flatMap((run, index) => [...wrongBeginning(job, run, runs[index - 1]), ...wrongEnd(job, run)]),
    ...tooManyCancelled(job, runs),
    ...job.tries.flatMap((one) => wrongAnswer(one, runs)),
    ...twice(runs.map(({ correlationId }) => correlationId)).map((id) => `${id} began more than one run`),
  ];
}

/** True when a run of the job has completed: every task of it was run in one run or another. */
export function hasCompleted(runs: readonly Run[]): boolean {
  return runs.some(({ status }) => status === 'completed' || status === 'completed_with_errors');
}

const ends = ['completed', 'completed_with_errors', 'failed', 'cancelled'];
/** How the run before must have ended for another to begin. */
const mayFollow: Readonly<Record<RequestKind, readonly string[]>> = {
  cancel: [],
  submit: ['failed', 'cancelled'],
  retry: ['failed', 'cancelled', 'completed_with_errors'],
  'retry from start': ends,
  force: ends,
};

function wrongBeginning({ tries }: Told, run: Run, before: Run | undefined): string[] {
  const asked = tries.find(({ correlationId }) => correlationId === run.correlationId);
  if (!asked) return [`run ${run.run} was begun by nobody: ${run.correlationId}`];
  const from = asked.what === 'retry' && before ? (before.takesOverFrom ?? before.run) : null;
  const wrong: string[] = [];
  if (run.run !== (before?.run ?? 0) + 1) wrong.push(`run ${run.run} follows run ${before?.run ?? 0}`);
  if (run.takesOverFrom !== from) wrong.push(`run ${run.run} takes over from ${run.takesOverFrom}, not ${from}`);
  if (before ? !mayFollow[asked.what].includes(String(before.status)) : asked.what !== 'submit') {
    wrong.push(`run ${run.run} was begun by ${asked.what}, the one before being ${before?.status}`);
  }
  return wrong;
}

/** A run ends as its handlers deserve, or as cancelled: whatever came first. Whether it may, `tooManyCancelled` says. */
function wrongEnd({ deserved }: Told, run: Run): string[] {
  const expected = run.status === 'cancelled' ? cancelledEnd(deserved(run.run), run) : deserved(run.run);
  const { status, codes, result, tasks } = expected;
  const name = `run ${run.run}`;
  const wrong: string[] = [];
  if (run.status !== status) wrong.push(`${name} is ${run.status}, not ${status}: ${run.code}`);
  else if (run.code === null ? codes.length > 0 : !codes.includes(run.code)) {
    wrong.push(`${name} has the error ${run.code}, not ${codes.join(' or ')}`);
  }
  if (!isDeepStrictEqual(run.result, result))
    wrong.push(`${name} has the result ${shown(run.result)}, not ${shown(result)}`);
  if (!isDeepStrictEqual(run.tasks, tasks)) {
    wrong.push(`${name} has stages of ${shown(run.tasks)} tasks, not ${shown(tasks)}`);
  }
  return wrong;
}

/** As far as it came. */
function cancelledEnd({ tasks }: Expectation, run: Run): Omit<Expectation, 'blobs'> {
  return { status: 'cancelled', codes: ['CANCELLED'], result: null, tasks: tasks.slice(0, run.tasks.length) };
}

/** Each cancelled run was cancelled by a request that was answered so, or whose answer was not heard. */
function tooManyCancelled({ tries }: Told, runs: readonly Run[]): string[] {
  const cancelled = runs.filter(({ status }) => status === 'cancelled').map(({ run }) => run);
  const answered = tries.flatMap(({ answer }) => (answer?.kind === 'cancelled' ? [answer.run] : []));
  const unheard = tries.filter(({ what, answer }) => what === 'cancel' && (!answer || answer.kind === 'broke'));
  const unasked = cancelled.filter((run) => !answered.includes(run));
  return [
    ...(unasked.length > unheard.length ? [`nobody cancelled run ${unasked.join(', ')}`] : []),
    ...twice(answered).map((run) => `two requests were told that they cancelled run ${run}`),
  ];
}

const refusals: Readonly<Record<RequestKind, readonly string[]>> = {
  cancel: ['JOB_NOT_ACTIVE'],
  submit: [],
  force: ['JOB_ACTIVE'],
  retry: ['JOB_ACTIVE', 'NOTHING_TO_RETRY'],
  'retry from start': ['JOB_ACTIVE'],
};
/** A request that a worker came to too late is one of them. */
const breakages = ['DATABASE_UNAVAILABLE', 'TIMEOUT'];

/** What a client was told is so. */
function wrongAnswer({ what, correlationId, answer }: Try, runs: readonly Run[]): string[] {
  if (!answer) return [];
  if (!('run' in answer)) {
    const allowed = answer.kind === 'refused' ? refusals[what] : breakages;
    return allowed.includes(answer.code) ? [] : [`${what} was answered with ${answer.code}`];
  }
  const run = runs.find((one) => one.run === answer.run);
  if (!run) return [`${what} was told of run ${answer.run}, which there is not`];
  if (answer.kind === 'began' && run.correlationId !== correlationId) {
    return [`${what} was told that it began run ${run.run}, and did not`];
  }
  if (answer.kind === 'cancelled' && run.status !== 'cancelled') {
    return [`${what} was told that it cancelled run ${run.run}, which is ${run.status}`];
  }
  return [];
}

function twice<T>(list: readonly T[]): T[] {
  return [...new Set(list.filter((one, index) => list.indexOf(one) !== index))];
}

function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, 400);
}
