import { z } from 'zod';

export const containerName = z.string().trim().min(1).max(63).describe('Container of the source; must exist.');

/** As GDAL takes it: `EPSG:32633`, WKT, PROJ. */
export const inputCrs = z
  .string()
  .min(1)
  .max(10_000)
  .nullable()
  .default(null)
  .describe("CRS for a file without one; the file's own wins.");
