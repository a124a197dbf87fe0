import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../tools/poll.ts';
import type { Act, RequestKind } from './acts.ts';
import type { Arena } from './arena.ts';
import type { Fleet } from './fleet.ts';
import type { PlannedJob } from './plan.ts';
import type { Answer, UserRequest } from './protocol.ts';

/** A job with all that was asked of it. */
export interface PlayedJob extends PlannedJob {
  readonly jobId: string;
  readonly tries: readonly Try[];
}

/** One request as one worker got it, or was meant to. */
export interface Try {
  readonly what: RequestKind;
  readonly correlationId: string;
  /** null: none was heard. */
  readonly answer: Answer | null;
}

/** Of one request, however many workers are asked meanwhile. */
const requestLimitMs = 120_000;
/** How long a user looks at a job that does not end, before asking all the same. */
const patienceMs = 10_000;

/** Submits a job when its time has come, and then does what its user does, one thing after another. */
export async function playJob(arena: Arena, job: PlannedJob, firstWorker: number): Promise<PlayedJob> {
  await wait(job.atMs);
  const client = new Client(arena.fleet, firstWorker);
  const { jobType, body, acts } = job;
  const { jobId } = await client.ask({ what: 'submit', jobType, body, jobId: null });
  for (const act of acts) {
    await waitFor(arena, jobId, act);
    await client.ask({ what: act.kind, jobType, body, jobId });
  }
  return { ...job, jobId, tries: client.tries };
}

async function waitFor(arena: Arena, jobId: string, { afterMs, patient }: Act): Promise<void> {
  const hasEnded = async () => {
    const { rowCount } = await arena.pool.query('SELECT FROM app.jobs WHERE job_id = $1 AND completed_at IS NOT NULL', [
      jobId,
    ]);
    return Number(rowCount) > 0;
  };
  if (patient) await eventually(hasEnded, { timeoutMs: patienceMs }).catch(() => {});
  await wait(afterMs);
}

/** A client of the fleet: asks one worker, and another one when no answer comes or something was away. */
class Client {
  readonly tries: Try[] = [];
  readonly #fleet: Fleet;
  #next: number;

  constructor(fleet: Fleet, firstWorker: number) {
    this.#fleet = fleet;
    this.#next = firstWorker;
  }

  /** Resolves with the id of the job that a worker has answered for. */
  async ask(request: UserRequest): Promise<{ readonly jobId: string }> {
    const until = Date.now() + requestLimitMs;
    for (; Date.now() < until; this.#next += 1) {
      const answer = await this.#try(request);
      if (answer && 'jobId' in answer) return answer;
      if (answer?.kind === 'refused' && request.jobId !== null) return { jobId: request.jobId };
      await wait(100);
    }
    const last = JSON.stringify(this.tries.slice(-5).map(({ answer }) => answer));
    throw new Error(`no worker answers to ${request.what} ${request.jobType}: ${last}`);
  }

  async #try(request: UserRequest): Promise<Answer | null> {
    const { berths } = this.#fleet;
    const berth = berths[this.#next % berths.length];
    if (berth?.state !== 'up') return null;
    const { correlationId, answer } = await this.#fleet.ask(berth, request);
    this.tries.push({ what: request.what, correlationId, answer });
    return answer;
  }
}
