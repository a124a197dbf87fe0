import { z } from 'zod';
import { createCogOutput, rasterTypes, rasterWarning } from './schemas.ts';

/** The part `validation` of a result about one raster. */
export const validationResult = z.object({
  warnings: z.array(rasterWarning),
  raster_type: z.enum(rasterTypes),
  confidence: z.number(),
  source_crs: z.string(),
  bit_depth_efficient: z.boolean(),
});

/** The part `cog`. */
export const cogResult = createCogOutput.pick({
  cog_blob: true,
  cog_container: true,
  size_mb: true,
  compression: true,
  reprojection_performed: true,
  processing_time_seconds: true,
});
