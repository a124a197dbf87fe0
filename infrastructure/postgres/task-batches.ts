import type { JsonValue } from '../../core/json.ts';
import type { AttemptEnd, ClaimOutcome, EndedAs, StageRef, TaskRef } from '../../core/ports/state-store.ts';
import type { TaskStatus } from '../../core/states.ts';
import { Batcher } from './batcher.ts';
import type { Database } from './database.ts';
import { isDataError } from './errors.ts';
import { stageColumns, stageKey } from './job-batches.ts';
import { query } from './sql-files.ts';

const sql = {
  claimTasks: query('claim_tasks'),
  claimContested: query('claim_contested'),
  endAttempts: query('end_attempts'),
  hasOpenTasks: query('has_open_tasks'),
};

/**
 * Half of what a busy worker has at once: it works on one half while the other is at the database. All together they
 * would stay together, and the worker wait for each of their statements.
 */
const maxTogether = 32;
const maxProbes = 200;
const maxResultCharacters = 8 * 1024 * 1024;

interface Claim {
  readonly ref: TaskRef;
  readonly worker: string;
  readonly leaseMs: number;
}

interface Ending {
  readonly ref: TaskRef;
  readonly attempt: number;
  readonly end: AttemptEnd;
  /** The result as JSON; null when the attempt has none. */
  readonly result: string | null;
}

interface EndedRow {
  readonly ended: number[] | null;
  readonly cancelled: number[] | null;
}

interface ClaimedRow {
  readonly ord: number;
  readonly task_key: string;
  readonly attempt: number;
  readonly input: JsonValue;
  readonly job_type: string;
  readonly stage_name: string;
  readonly task_count: number;
}

interface ContestedRow extends ClaimedRow {
  readonly claimed: boolean;
  readonly status: TaskStatus;
  readonly until: Date | null;
}

/** A claim asks twice at most: an answer that is lost concerns no claim but those that asked. */
export function taskClaims(database: Database): (claim: Claim) => Promise<ClaimOutcome> {
  const claims = plainClaims(database);
  const contested = contestedClaims(database);
  return async (claim) => (await claims.do(claim)) ?? contested.do(claim);
}

/** Of tasks that wait to be claimed; null for the others. */
function plainClaims(database: Database): Batcher<Claim, ClaimOutcome | null> {
  return new Batcher({
    ...claimBatches,
    async run(claims) {
      const [answer] = await database.query<{ readonly taken: ClaimedRow[] | null }>(
        sql.claimTasks,
        claimColumns(claims),
      );
      const taken = new Map((answer?.taken ?? []).map((row) => [row.ord, claimedOutcome(row)]));
      return claims.map((_, index) => taken.get(index + 1) ?? null);
    },
  });
}

function contestedClaims(database: Database): Batcher<Claim, ClaimOutcome> {
  return new Batcher({
    ...claimBatches,
    async run(claims) {
      const rows = await database.query<ContestedRow>(sql.claimContested, claimColumns(claims));
      const outcomes = new Map(rows.map((row) => [row.ord, contestedOutcome(row)]));
      return claims.map((_, index) => outcomes.get(index + 1) ?? { kind: 'refused' });
    },
  });
}

/** Two claims of one task never share a statement: the second waits, and then finds it taken. */
const claimBatches = {
  maxItems: maxTogether,
  sameKey: 'wait',
  keyOf: ({ ref }: Claim) => taskKey(ref),
  isItemError: isDataError,
} as const;

/** Ends of attempts, as many together as their results leave room for. */
export function attemptEnds(database: Database): Batcher<Ending, EndedAs> {
  return new Batcher<Ending, EndedAs>({
    maxItems: maxTogether,
    sameKey: 'wait',
    keyOf: ({ ref }) => taskKey(ref),
    weightOf: ({ result }) => result?.length ?? 0,
    maxWeight: maxResultCharacters,
    isItemError: isDataError,
    async run(endings) {
      const [answer] = await database.query<EndedRow>(sql.endAttempts, [
        ...taskColumns(endings.map(({ ref }) => ref)),
        endings.map(({ attempt }) => attempt),
        endings.map(({ end }) => ('handedBack' in end && end.handedBack ? 'handed_back' : end.status)),
        endings.map(({ result }) => result),
        endings.map(({ end }) => (end.status === 'completed' ? null : JSON.stringify(end.error))),
        endings.map(({ end }) => (end.status === 'retrying' ? end.delayMs : null)),
      ]);
      const ended = new Set(answer?.ended);
      const cancelled = new Set(answer?.cancelled);
      return endings.map(({ end }, index) => {
        if (!ended.has(index + 1)) return 'lost';
        return cancelled.has(index + 1) ? 'cancelled' : end.status;
      });
    },
  });
}

/** What is to be stored of an attempt's end. */
export function ending(ref: TaskRef, attempt: number, end: AttemptEnd): Ending {
  return { ref, attempt, end, result: end.status === 'completed' ? JSON.stringify(end.result) : null };
}

/** The last tasks of a stage ask at about the same time: one probe answers all that have come together. */
export function openTaskProbes(database: Database): Batcher<StageRef, boolean> {
  return new Batcher({
    maxItems: maxProbes,
    sameKey: 'share',
    keyOf: stageKey,
    isItemError: isDataError,
    async run(refs) {
      const rows = await database.query<{ readonly ord: number }>(sql.hasOpenTasks, stageColumns(refs));
      const open = new Set(rows.map((row) => row.ord));
      return refs.map((_, index) => open.has(index + 1));
    },
  });
}

function claimColumns(claims: readonly Claim[]): unknown[][] {
  const refs = taskColumns(claims.map(({ ref }) => ref));
  return [...refs, claims.map(({ worker }) => worker), claims.map(({ leaseMs }) => leaseMs)];
}

function claimedOutcome(row: ClaimedRow): ClaimOutcome {
  const { task_key: key, attempt, input, job_type: jobType, stage_name: stageName, task_count: stageTasks } = row;
  return { kind: 'claimed', task: { key, attempt, input, jobType, stageName, stageTasks } };
}

function contestedOutcome(row: ContestedRow): ClaimOutcome {
  if (row.claimed) return claimedOutcome(row);
  if (row.until) return { kind: row.status === 'processing' ? 'busy' : 'early', until: row.until };
  return { kind: 'refused' };
}

function taskColumns(refs: readonly TaskRef[]): [string[], number[], number[], number[]] {
  return [...stageColumns(refs), refs.map(({ task }) => task)];
}

function taskKey(ref: TaskRef): string {
  return `${stageKey(ref)}/${ref.task}`;
}
