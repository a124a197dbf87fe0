import { toCoreMachineError } from '../errors.ts';
import type { JobRecord } from '../ports/state-store.ts';
import type { Engine } from './engine.ts';

/** What a job that has ended kept for itself. Failing changes nothing: upkeep tries again. */
export async function removeTemporary(
  engine: Engine,
  job: Pick<JobRecord, 'jobId' | 'jobType' | 'run'>,
): Promise<void> {
  const { temporary } = engine.registry.get(job.jobType);
  if (!temporary) return;
  const { jobId, jobType, run } = job;
  try {
    await temporary.remove({ jobId, run }, engine.services);
  } catch (error) {
    const { code, message } = toCoreMachineError(error);
    engine.log.warn('System:Warning', { jobId, jobType, run, code, message });
  }
}

/** The same for runs whose worker died before it could. Answers what was removed. */
export async function removeLeftBehind(engine: Engine, limit: number): Promise<string[]> {
  const removed: string[] = [];
  for (const { temporary } of engine.registry.definitions) {
    for (const ref of (await temporary?.leftBehind(engine.services, limit)) ?? []) {
      await temporary?.remove(ref, engine.services);
      removed.push(`removed what run ${ref.run} of job ${ref.jobId} left`);
    }
  }
  return removed;
}
