import { CoreMachineError } from '../errors.ts';
import { parseJobMessage, parseTaskMessage } from '../messages.ts';
import { type Delivery, refusePoison } from '../poison.ts';
import type { JobRecord } from '../ports/state-store.ts';
import { type UpkeepReport, type UpkeepRun, upkeepRuns } from '../upkeep/index.ts';
import { cancelJob } from './close-stage.ts';
import type { Engine } from './engine.ts';
import { processJobMessage } from './plan-stage.ts';
import { processTaskMessage } from './run-task.ts';
import { type SubmitAnswer, type SubmitRequest, submit } from './submit.ts';

/** The orchestrator: what the triggers call. Any number of them may work on the same store and queues. */
export class CoreMachine {
  readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  submit(request: SubmitRequest): Promise<SubmitAnswer> {
    return submit(this.engine, request);
  }

  /** A message of the jobs queue. Throws BAD_MESSAGE for poison, which is not looked into. */
  async handleJobMessage(body: unknown, delivery: Delivery = {}): Promise<void> {
    refusePoison(this.engine, 'jobs', body, delivery);
    await processJobMessage(this.engine, parseJobMessage(body));
  }

  /** A message of the tasks queue. `shutdown` aborts the handler and hands the task back. Throws BAD_MESSAGE for poison. */
  async handleTaskMessage(body: unknown, shutdown?: AbortSignal, delivery: Delivery = {}): Promise<void> {
    refusePoison(this.engine, 'tasks', body, delivery);
    await processTaskMessage(this.engine, parseTaskMessage(body), shutdown);
  }

  /** Ends a job that is queued or processing; running handlers get their signal. Throws JOB_NOT_FOUND, JOB_NOT_ACTIVE. */
  async cancel(jobId: string): Promise<JobRecord> {
    for (;;) {
      const job = await this.engine.store.getJob(jobId);
      if (!job) throw new CoreMachineError('JOB_NOT_FOUND', 'there is no job with this id');
      if (job.status !== 'queued' && job.status !== 'processing') {
        throw new CoreMachineError('JOB_NOT_ACTIVE', `the job is ${job.status}`);
      }
      if (await cancelJob(this.engine, job)) return { ...job, status: 'cancelled' };
    }
  }

  /** One run of the reconciler; on a healthy system it fixes nothing. */
  upkeep(run: UpkeepRun): Promise<UpkeepReport> {
    return upkeepRuns[run](this.engine);
  }
}
