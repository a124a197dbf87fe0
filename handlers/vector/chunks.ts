import type { LoadRef } from '../../core/ports/feature-tables.ts';
import type { Services } from '../../core/services.ts';

/** Container of chunks between preparing and loading; empty but for loads in hand. */
export const chunkContainer = 'vector-chunks';

/** Of one attempt's own: an earlier one that is still about writes elsewhere. */
export function chunkPrefix({ jobId, run }: LoadRef, attempt: number): string {
  return `${jobId}/${run}/${attempt}/`;
}

export function chunkFile(chunk: number): string {
  return `${String(chunk).padStart(5, '0')}.copy`;
}

/** Removes the chunks and the load table of a run and of those before it. */
export async function removeLoad(last: LoadRef, { blobs, featureTables }: Services): Promise<void> {
  if (await blobs.containerExists(chunkContainer)) {
    for await (const { name } of blobs.list(chunkContainer, { prefix: `${last.jobId}/` })) {
      if (Number(name.split('/')[1]) <= last.run) await blobs.delete({ container: chunkContainer, name });
    }
  }
  await featureTables.remove(last);
}
