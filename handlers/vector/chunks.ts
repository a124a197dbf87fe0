import type { TemporaryParts } from '../../core/job.ts';
import { temporaryBlobs } from '../../core/temporary-blobs.ts';

/** Chunks of rows between preparing and loading. Each attempt writes in a folder of its own: an earlier one may go on. */
export const chunkBlobs = temporaryBlobs({ container: 'vector-chunks' });

export function chunkFile(chunk: number): string {
  return `${String(chunk).padStart(5, '0')}.copy.zst`;
}

/** Chunks, and the tables they are loaded into before anybody sees them. */
export const loads: TemporaryParts = {
  async remove(run, services) {
    await chunkBlobs.remove(run, services);
    await services.featureTables.remove(run);
  },
  async leftBehind(services, limit) {
    return [...(await services.featureTables.ended(limit)), ...(await chunkBlobs.leftBehind(services, limit))];
  },
};
