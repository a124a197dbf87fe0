import { CoreMachineError, toCoreMachineError } from '../errors.ts';
import { acceptMessage, type Delivery } from '../poison.ts';
import type { JobRecord } from '../ports/state-store.ts';
import { type UpkeepReport, type UpkeepRun, upkeepRuns } from '../upkeep/index.ts';
import { owesLeases } from '../upkeep/leases.ts';
import type { UpkeepOutcome } from '../upkeep/report.ts';
import { republishLost } from '../upkeep/republish.ts';
import { cancelJob } from './close-stage.ts';
import type { Engine } from './engine.ts';
import { LastOut } from './last-out.ts';
import { upkeepRan } from './observe.ts';
import { processJobMessage } from './plan-stage.ts';
import { retryJob } from './retry.ts';
import { processTaskMessage } from './run-task.ts';
import { type SubmitAnswer, type SubmitRequest, submit } from './submit.ts';

/** Of one run of upkeep, kept in its history. */
const mostActions = 100;

/** The orchestrator: what the triggers call. Any number of them may work on the same store and queues. */
export class CoreMachine {
  readonly engine: Engine;
  readonly #lastOut: LastOut;

  /** `lastOut`: shared by machines that are to stand for one worker. */
  constructor(engine: Engine, lastOut = new LastOut()) {
    this.engine = engine;
    this.#lastOut = lastOut;
  }

  submit(request: SubmitRequest): Promise<SubmitAnswer> {
    return submit(this.engine, request);
  }

  /** A message of the jobs queue. Throws BAD_MESSAGE for poison, which is not looked into. */
  async handleJobMessage(body: unknown, delivery: Delivery = {}): Promise<void> {
    const message = acceptMessage(this.engine, 'jobs', body, delivery);
    await processJobMessage(this.engine, message, (delivery.deliveryCount ?? 1) > 1);
  }

  /** A message of the tasks queue. `shutdown` aborts the handler and hands the task back. Throws BAD_MESSAGE for poison. */
  async handleTaskMessage(body: unknown, shutdown?: AbortSignal, delivery: Delivery = {}): Promise<void> {
    const message = acceptMessage(this.engine, 'tasks', body, delivery);
    await processTaskMessage(this.engine, this.#lastOut, message, shutdown);
  }

  /** Ends a job that is queued or processing; running handlers get their signal. Throws JOB_NOT_FOUND, JOB_NOT_ACTIVE. */
  async cancel(jobId: string): Promise<JobRecord> {
    for (;;) {
      const job = await this.engine.store.getJob(jobId);
      if (!job) throw new CoreMachineError('JOB_NOT_FOUND', 'there is no job with this id');
      if (job.status !== 'queued' && job.status !== 'processing') {
        throw new CoreMachineError('JOB_NOT_ACTIVE', `the job is ${job.status}: there is nothing to cancel`);
      }
      if (await cancelJob(this.engine, job)) return { ...job, status: 'cancelled' };
    }
  }

  /**
   * Starts the next run of a job that has ended. What was completed since its last run from the start is taken over,
   * unless `fromStart`. Throws JOB_NOT_FOUND, JOB_ACTIVE, NOTHING_TO_RETRY for one that completed, UNKNOWN_JOB_TYPE.
   */
  async retry(
    jobId: string,
    options: { readonly fromStart: boolean; readonly correlationId: string },
  ): Promise<{ readonly job: JobRecord; readonly queued: boolean }> {
    return retryJob(this.engine, jobId, options);
  }

  /**
   * One run of the reconciler; on a healthy system it fixes nothing. It leaves a row in the history of upkeep, also when
   * it throws. `patienceMs`: for how long `stages` leaves to a worker what that is about to do.
   */
  async upkeep(run: UpkeepRun, patienceMs?: number): Promise<UpkeepReport> {
    const { store, worker } = this.engine;
    const started = performance.now();
    const { failure, ...report } = await this.#runUpkeep(run, patienceMs);
    upkeepRan(this.engine, run, report);
    const durationMs = Math.round(performance.now() - started);
    const actions = report.actions.slice(0, mostActions);
    const error = failure === undefined ? null : toCoreMachineError(failure).toRecord();
    const recording = store.recordUpkeepRun({ ...report, run, worker, actions, durationMs, error });
    if (error === null) {
      await recording;
      return report;
    }
    // The store may be what failed: the run's own error is the one to tell.
    await recording.catch(() => {});
    throw failure;
  }

  async #runUpkeep(run: UpkeepRun, patienceMs?: number): Promise<UpkeepOutcome> {
    try {
      return await upkeepRuns[run](this.engine, patienceMs);
    } catch (failure) {
      return { scanned: 0, fixed: 0, actions: [], failure };
    }
  }

  /**
   * After workers died: gives their tasks to others at once, instead of when their leases run out, and closes the stages
   * that they would have closed. Cheap when nobody died; answers how many did, `goneMs` ago or longer.
   */
  async buryWorkers(goneMs: number): Promise<number> {
    const dead = await this.engine.store.endLeasesOfDeadWorkers(goneMs);
    if (dead.length === 0) return 0;
    this.engine.log.warn('Worker:Lost', { workers: dead.join(', ') });
    await this.engine.instants('workers-buried', { jobId: '', stage: 0 });
    // A death is told once: what cannot be done now keeps nobody from what else follows it.
    await this.#upkeepIfPossible('leases');
    await this.#upkeepIfPossible('stages', goneMs);
    return dead.length;
  }

  async #upkeepIfPossible(run: UpkeepRun, patienceMs?: number): Promise<void> {
    await this.upkeep(run, patienceMs).catch((error: unknown) => {
      const { code, message } = toCoreMachineError(error);
      this.engine.log.warn('Upkeep:Failed', { run, code, message });
    });
  }

  /**
   * After a worker's death: tasks whose messages it held without having begun, and those it had begun if they could not
   * be sent at once. Answers how many of the former were sent again.
   */
  async republishAfterLoss(): Promise<number> {
    if (owesLeases(this.engine)) await this.upkeep('leases');
    return republishLost(this.engine, { unansweredMs: 1000, certainMs: 30 * 60_000 });
  }
}
