import { CoreMachineError } from '../errors.ts';
import type { JobRecord } from '../ports/state-store.ts';
import { isActive } from '../states.ts';
import type { Engine } from './engine.ts';
import { jobQueued } from './observe.ts';
import { publishJob } from './publish.ts';

/** Starts the next run of a job that has ended; see CoreMachine.retry. */
export async function retryJob(
  engine: Engine,
  jobId: string,
  { fromStart, correlationId }: { readonly fromStart: boolean; readonly correlationId: string },
): Promise<{ readonly job: JobRecord; readonly queued: boolean }> {
  const last = await engine.store.getJob(jobId);
  if (!last) throw new CoreMachineError('JOB_NOT_FOUND', 'there is no job with this id');
  const totalStages = engine.registry.get(last.jobType).stages.length;
  const job = await engine.store.retryJob(jobId, { totalStages, correlationId, takeOver: !fromStart });
  if (!job) throw refusal(last);
  const { run, jobType } = job;
  engine.log.info('Job:Retried', { jobId, jobType, run, correlationId, fromStart });
  jobQueued(engine, jobType);
  await engine.instants('job-stored', { jobId, stage: 1 });
  const queued = await publishJob(engine, { jobId, run, stage: 1 }, correlationId);
  return { job, queued };
}

function refusal({ status }: JobRecord): CoreMachineError {
  if (!isActive(status) && status === 'completed') {
    return new CoreMachineError('NOTHING_TO_RETRY', 'the job completed; from=start runs all of it again');
  }
  return new CoreMachineError('JOB_ACTIVE', 'the job is active: wait for its end, or cancel it first');
}
