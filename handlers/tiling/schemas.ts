import { z } from 'zod';
import { cogTiers, createCogInput, rasterTypes, rasterWarning, validateRasterInput } from '../raster/schemas.ts';

const pixelGrid = z.object({
  left: z.number(),
  top: z.number(),
  dx: z.number(),
  dy: z.number(),
  width: z.int(),
  height: z.int(),
});

/** The target grid and how it is cut: all windows of all tiles follow from it. */
export const tiling = z.object({
  grid: pixelGrid,
  /** Pixels of the grid for one of the source, across and down. */
  scale: z.tuple([z.number(), z.number()]),
  tile_size: z.int(),
  overlap: z.int(),
  /** Where the grid goes over the end of its CRS, as at the antimeridian: no tile does. */
  seam_column: z.int().optional(),
});
export type Tiling = z.output<typeof tiling>;

/**
 * `direct`: a window costs little more to read than it holds. `prepared`: it does not, so windows are cut once and wait
 * as blobs for the COGs to be made.
 */
export const sourceAccess = z.enum(['direct', 'prepared']);
export type SourceAccess = z.output<typeof sourceAccess>;

export const generateTilingSchemeInput = validateRasterInput.omit({ requested_tiers: true }).extend({
  output_tier: z.enum(cogTiers),
  target_crs: z.string(),
  jpeg_quality: z.int(),
  tile_size: z.int().nullable(),
  overlap: z.int(),
  scheme_container: z.string(),
  scheme_blob: z.string(),
  /** Whose scheme it is: that of another owner is not replaced. */
  owner: z.string(),
});
export type GenerateTilingSchemeInput = z.output<typeof generateTilingSchemeInput>;

export const generateTilingSchemeOutput = z.object({
  scheme_blob: z.string(),
  scheme_container: z.string(),
  tiling,
  tile_count: z.int(),
  /** Columns x rows, e.g. `17x12`. */
  grid_dimensions: z.string(),
  source_access: sourceAccess,
  /** Tiles that one task of the next stage looks at. */
  batch_size: z.int(),
  source_crs: z.string(),
  crs_override: z.string().nullable(),
  raster_type: z.enum(rasterTypes),
  tier: z.enum(cogTiers),
  detected_type: z.enum(rasterTypes),
  confidence: z.number(),
  bit_depth_efficient: z.boolean(),
  warnings: z.array(rasterWarning),
});
export type GenerateTilingSchemeOutput = z.output<typeof generateTilingSchemeOutput>;

export const extractTilesInput = createCogInput
  .omit({ output_blob: true, in_memory: true, tile: true, window: true })
  .extend({
    tiling,
    source_access: sourceAccess,
    /** Numbers of the first tile, and of the one after the last. */
    first: z.int(),
    end: z.int(),
    /** Where windows wait; null where the source is read directly. */
    windows_folder: z.string().nullable(),
  });
export type ExtractTilesInput = z.output<typeof extractTilesInput>;

export const extractTilesOutput = z.object({
  /** Numbers of the tiles that hold data. */
  tiles: z.array(z.int()),
  empty_tiles: z.int(),
  windows_folder: z.string().nullable(),
  processing_time_seconds: z.number(),
});
export type ExtractTilesOutput = z.output<typeof extractTilesOutput>;
