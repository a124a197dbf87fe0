import { z } from 'zod';

const name = z
  .string()
  .regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, . _ and -')
  // In a link to the item such a part is dropped, with what stands before it.
  .refine((id) => id !== '.' && id !== '..', { message: 'must not be . or ..' })
  .max(200);

export const collectionId = name.default('system-rasters').describe('STAC collection; made when it is missing.');

export const itemId = name
  .nullable()
  .default(null)
  .describe(
    'null: derived from the collection and the blob. The item of that id that is there is replaced, whatever it was made from.',
  );
