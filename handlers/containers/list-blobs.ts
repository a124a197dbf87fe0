import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler } from '../../core/handler.ts';
import type { PlannedTask } from '../../core/job.ts';
import { limits } from '../../core/limits.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import type { AnalyzeSingleBlobInput } from './analyze-single-blob.ts';
import { type BlobFilter, listFiltered } from './filter.ts';
import { inventoryParameters } from './parameters.ts';

const output = z.object({
  container_name: z.string(),
  total_blobs_found: z.int().describe('That the filter let through, file_limit at most.'),
  files_scanned: z.int().describe('Blobs looked at.'),
  last_name: z.string().nullable().describe('Of those found, in name order.'),
  hit_file_limit: z.boolean().describe('There are more than were listed.'),
});

export type ListBlobsOutput = z.output<typeof output>;

/**
 * Counts the blobs that are to be looked at. Their names are not kept: ten thousand of 1,024 characters are more than
 * a result may hold, so the plan of the next stage streams them from the container (`blobTasks`).
 */
export const listBlobs = defineHandler('list_blobs', {
  description: 'Lists a container page by page and counts the blobs that the filter lets through.',
  input: inventoryParameters,
  output,
  async run({ container_name, file_limit, filter }, { services, signal }) {
    const found = { total_blobs_found: 0, files_scanned: 0, last_name: null as string | null };
    let hit = false;
    for await (const { blob, wanted } of listFiltered(services.blobs, container_name, filter, signal)) {
      hit = wanted && found.total_blobs_found === file_limit;
      if (hit) break;
      found.files_scanned += 1;
      if (!wanted) continue;
      found.total_blobs_found += 1;
      found.last_name = blob.name;
      if (found.total_blobs_found > limits.tasksPerStage) throw tooMany(container_name);
    }
    return { container_name, ...found, hit_file_limit: hit };
  },
});

/**
 * One task for each blob of the listing, as a stream. The container is listed once more, up to where the listing ended:
 * a blob that has come in between is not looked at, one that has gone since then fails its own task.
 */
export async function* blobTasks(
  blobs: BlobStore,
  { container_name, filter }: { readonly container_name: string; readonly filter: BlobFilter },
  listing: ListBlobsOutput,
): AsyncGenerator<PlannedTask<AnalyzeSingleBlobInput>> {
  let planned = 0;
  if (listing.total_blobs_found === 0) return;
  for await (const { blob, wanted } of listFiltered(blobs, container_name, filter)) {
    if (!wanted) continue;
    yield { key: `blob-${planned}`, input: { container_name, blob_name: blob.name } };
    planned += 1;
    if (planned === listing.total_blobs_found || blob.name === listing.last_name) return;
  }
}

function tooMany(container: string): CoreMachineError {
  const most = limits.tasksPerStage.toLocaleString('en');
  return new CoreMachineError(
    'TOO_MANY_TASKS',
    `${JSON.stringify(container)} holds more than ${most} such blobs; give file_limit or a filter, or submit summarize_container`,
  );
}
