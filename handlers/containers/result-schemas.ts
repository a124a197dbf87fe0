import { z } from 'zod';
import { blobFilter } from './filter.ts';
import { inventoryParameters } from './parameters.ts';

/** What every inventory says first: what it was asked. */
export const inventoryAsked = inventoryParameters.pick({ container_name: true }).extend({
  file_limit: z.int().nullable(),
  filter: blobFilter,
});

export const namedFile = z.object({ name: z.string(), size_mb: z.number() });

/** The first failed tasks. */
export const errorsSample = z.array(z.object({ task: z.string(), code: z.string(), message: z.string() }));
