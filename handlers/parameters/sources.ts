import { z } from 'zod';

export const containerName = z.string().trim().min(1).max(63).describe('Container of the source; must exist.');

/** As it is: blanks at its ends are part of a blob's name. */
export const blobName = z.string().regex(/\S/, 'must not be blank').max(1024);

/** As GDAL takes it: `EPSG:32633`, WKT, PROJ. */
export const inputCrs = z
  .string()
  .min(1)
  .max(10_000)
  .nullable()
  .default(null)
  .describe("CRS for a file without one; the file's own wins.");
