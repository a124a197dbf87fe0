import { toCoreMachineError } from '../errors.ts';
import type { TemporaryBlobs } from '../job.ts';
import { isActive } from '../states.ts';
import type { Engine } from './engine.ts';

const deletedAtOnce = 8;

/** Folder of what one job keeps in blob storage while it runs. */
export function temporaryFolder({ prefix }: TemporaryBlobs, jobId: string): string {
  return `${prefix}${jobId}/`;
}

/** Removes what a job kept in blob storage; never throws: upkeep comes by for what is left. Answers how many it removed. */
export async function removeTemporaryBlobs(engine: Engine, jobType: string, jobId: string): Promise<number> {
  try {
    const place = engine.registry.get(jobType).temporaryBlobs;
    return place ? await removeFolder(engine, place, jobId) : 0;
  } catch (error) {
    const { code, message } = toCoreMachineError(error);
    engine.log.warn('System:Warning', { jobId, code, message: `temporary blobs were left behind: ${message}` });
    return 0;
  }
}

/** What jobs that have ended left behind, where the worker that should have removed it died; the jobs' ids. */
export async function sweepTemporaryBlobs(engine: Engine): Promise<readonly string[]> {
  const places = engine.registry.definitions.flatMap(({ temporaryBlobs }) => temporaryBlobs ?? []);
  const swept: string[] = [];
  for (const place of places) {
    for (const jobId of await jobsIn(engine, place)) {
      const job = await engine.store.getJob(jobId);
      if (job && isActive(job.status)) continue;
      await removeFolder(engine, place, jobId);
      swept.push(jobId);
    }
  }
  return swept;
}

async function jobsIn(engine: Engine, { container, prefix }: TemporaryBlobs): Promise<ReadonlySet<string>> {
  const { blobs } = engine.services;
  const ids = new Set<string>();
  if (!(await blobs.containerExists(container))) return ids;
  for await (const { name } of blobs.list(container, { prefix })) {
    const [id = ''] = name.slice(prefix.length).split('/');
    if (/^[0-9a-f]{64}$/.test(id)) ids.add(id);
  }
  return ids;
}

async function removeFolder({ services: { blobs } }: Engine, place: TemporaryBlobs, jobId: string): Promise<number> {
  const { container } = place;
  if (!(await blobs.containerExists(container))) return 0;
  let removed = 0;
  let batch: Promise<boolean>[] = [];
  for await (const { name } of blobs.list(container, { prefix: temporaryFolder(place, jobId) })) {
    batch.push(blobs.delete({ container, name }));
    if (batch.length < deletedAtOnce) continue;
    removed += (await Promise.all(batch)).length;
    batch = [];
  }
  return removed + (await Promise.all(batch)).length;
}
