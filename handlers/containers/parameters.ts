import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import type { Services } from '../../core/services.ts';
import { containerName } from '../parameters/sources.ts';
import { blobFilter } from './filter.ts';

/** What every inventory of a container needs to know. */
export const inventoryParameters = z.object({
  container_name: containerName,
  file_limit: z
    .int()
    .min(1)
    .max(10_000)
    .nullable()
    .default(null)
    .describe('The first so many that the filter lets through, in name order; null: all.'),
  filter: blobFilter.default({}).describe('Which blobs count; all of its conditions together.'),
});

/** Throws CONTAINER_NOT_FOUND. */
export async function requireContainer({ blobs }: Services, container: string): Promise<void> {
  if (await blobs.containerExists(container)) return;
  throw new CoreMachineError('CONTAINER_NOT_FOUND', `there is no container ${JSON.stringify(container)}`);
}
