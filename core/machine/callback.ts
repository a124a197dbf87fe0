import { toCoreMachineError } from '../errors.ts';
import type { RunEnd } from '../ports/upkeep-store.ts';
import { isActive } from '../states.ts';
import type { Engine } from './engine.ts';

/** Tells the receiver that a run of a job has ended. A receiver that throws changes nothing; upkeep tries again. */
export async function deliverCallback(engine: Engine, job: RunEnd): Promise<boolean> {
  if (!engine.onJobComplete || isActive(job.status)) return false;
  const fields = { jobId: job.jobId, jobType: job.jobType, run: job.run, status: job.status };
  try {
    await engine.onJobComplete({ jobId: job.jobId, jobType: job.jobType, status: job.status, result: job.result });
    await engine.instants('callback-called', { jobId: job.jobId, stage: job.stage });
    await engine.store.markCallbackDelivered(job.jobId, job.run);
    engine.log.info('Job:Callback', fields);
    return true;
  } catch (error) {
    const { code, message } = toCoreMachineError(error);
    engine.log.warn('Job:CallbackFailed', { ...fields, code, message });
    return false;
  }
}
