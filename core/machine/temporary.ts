import { toCoreMachineError } from '../errors.ts';
import type { RunRef } from '../job.ts';
import type { JobRecord } from '../ports/state-store.ts';
import { isActive } from '../states.ts';
import type { Engine } from './engine.ts';

/** What a run of a job kept for itself, and those before it. Failing changes nothing: upkeep tries again. */
export async function removeTemporary(
  engine: Engine,
  job: Pick<JobRecord, 'jobId' | 'jobType' | 'run'>,
): Promise<void> {
  const { jobId, jobType, run } = job;
  try {
    await engine.registry.get(jobType).temporary?.remove({ jobId, run }, engine.services);
  } catch (error) {
    const { code, message } = toCoreMachineError(error);
    engine.log.warn('System:Warning', { jobId, jobType, run, code, message });
  }
}

/**
 * The same by a worker whose task may have outlived its run: what its handler wrote until it stopped may have been
 * written after the run's own cleaning up.
 */
export async function removeTemporaryIfOver(engine: Engine, jobType: string, ref: RunRef): Promise<void> {
  if (!engine.registry.get(jobType).temporary) return;
  if (await isOver(engine, ref)) await removeTemporary(engine, { ...ref, jobType });
}

/** The same for runs whose worker died before it could. Answers what was removed. */
export async function removeLeftBehind(engine: Engine, limit: number): Promise<string[]> {
  const removed: string[] = [];
  for (const { temporary } of engine.registry.definitions) {
    for (const ref of (await temporary?.leftBehind(engine.services, limit)) ?? []) {
      if (!(await isOver(engine, ref))) continue;
      await temporary?.remove(ref, engine.services);
      removed.push(`removed what run ${ref.run} of job ${ref.jobId} left`);
    }
  }
  return removed;
}

async function isOver({ store }: Engine, { jobId, run }: RunRef): Promise<boolean> {
  const job = await store.getJob(jobId);
  return !job || job.run > run || !isActive(job.status);
}
