import { z } from 'zod';
import { rasterWarningCodes } from '../../core/warnings.ts';
import { itemBody } from '../stac/item-body.ts';

export const rasterTypes = ['rgb', 'rgba', 'dem', 'categorical', 'multispectral', 'nir', 'unknown'] as const;
export type RasterType = (typeof rasterTypes)[number];

/** What a client may say a raster is; `auto` leaves it to the rules. */
export const declaredTypes = ['auto', 'rgb', 'rgba', 'dem', 'categorical', 'multispectral', 'nir'] as const;
export type DeclaredType = (typeof declaredTypes)[number];

export const cogTiers = ['visualization', 'analysis', 'archive'] as const;
export type CogTier = (typeof cogTiers)[number];

export const rasterWarning = z.object({
  code: z.enum(rasterWarningCodes),
  severity: z.enum(['info', 'warning']),
  message: z.string(),
});
export type RasterWarning = z.output<typeof rasterWarning>;

export const validateRasterInput = z.object({
  container_name: z.string(),
  blob_name: z.string(),
  subdataset: z.string().nullable(),
  input_crs: z.string().nullable(),
  raster_type: z.enum(declaredTypes),
  strict_mode: z.boolean(),
  /** Tiers the client asked for; one that does not apply is a warning. */
  requested_tiers: z.array(z.enum(cogTiers)),
});
export type ValidateRasterInput = z.output<typeof validateRasterInput>;

export const validateRasterOutput = z.object({
  valid: z.literal(true),
  source_blob: z.string(),
  source_container: z.string(),
  band_count: z.int(),
  /** GDAL's name in lower case, e.g. `uint8`, `float32`. */
  dtype: z.string(),
  /** [height, width] in pixels. */
  shape: z.tuple([z.int(), z.int()]),
  /** [min x, min y, max x, max y] in units of `source_crs`. */
  bounds: z.array(z.number()),
  /** GDAL's six numbers; results of older versions lack them. */
  geo_transform: z.array(z.number()).length(6).optional(),
  /** `EPSG:n`, or WKT 2 where no EPSG code is the same. */
  source_crs: z.string(),
  crs_source: z.enum(['file_metadata', 'user_override']),
  nodata: z.union([z.number(), z.string()]).nullable(),
  color_interpretation: z.array(z.string()),
  raster_type: z.object({
    detected_type: z.enum(rasterTypes),
    confidence: z.number(),
    evidence: z.array(z.string()),
    optimal_cog_settings: z.object({
      compression: z.string(),
      overview_resampling: z.string(),
      reproject_resampling: z.string(),
    }),
  }),
  /** The declared type where one was declared, else the detected one: what the COG is made for. */
  effective_type: z.enum(rasterTypes),
  cog_tiers: z.object({
    applicable_tiers: z.array(z.enum(cogTiers)),
    incompatible_reason: z.string().nullable(),
  }),
  bit_depth_check: z.object({ efficient: z.boolean(), current_dtype: z.string(), reason: z.string() }),
  warnings: z.array(rasterWarning),
});
export type ValidateRasterOutput = z.output<typeof validateRasterOutput>;

export const tileWindow = z.object({
  /** [min x, min y, max x, max y] in units of the target CRS. */
  bounds: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  width: z.int(),
  height: z.int(),
  column: z.int(),
  row: z.int(),
  scale: z.tuple([z.number(), z.number()]),
});

export const createCogInput = z.object({
  container_name: z.string(),
  blob_name: z.string(),
  subdataset: z.string().nullable(),
  /** CRS that overrides or stands for the file's; null where the file's own counts. */
  crs_override: z.string().nullable(),
  source_crs: z.string(),
  target_crs: z.string(),
  raster_type: z.enum(rasterTypes),
  tier: z.enum(cogTiers),
  jpeg_quality: z.int(),
  in_memory: z.boolean().nullable(),
  output_blob: z.string(),
  /**
   * Sides of a pixel in units of the target CRS. A raster that is warped gets a grid whose lines lie at whole multiples of
   * them, so that rasters made with the same ones share a grid. Absent: the size and grid that GDAL suggests.
   */
  pixel_size: z.tuple([z.number().positive(), z.number().positive()]).optional(),
  /** The part of a larger target grid to make; absent: all of the raster. */
  tile: tileWindow.optional(),
  /** Where the pixels to take lie, in the target grid already; absent: in the source. */
  window: z.object({ container_name: z.string(), blob_name: z.string() }).optional(),
  /** Absent: the container for finished COGs. */
  output_container: z.string().optional(),
  /** True: the result says what a STAC item needs, and a thumbnail lies beside the COG. */
  describe: z.boolean().optional(),
});
export type CreateCogInput = z.output<typeof createCogInput>;

export const createCogOutput = z.object({
  cog_blob: z.string(),
  cog_container: z.string(),
  cog_tier: z.enum(cogTiers),
  /** Access tier set on the blob. */
  storage_tier: z.enum(['Hot', 'Cool']),
  source_blob: z.string(),
  source_container: z.string(),
  reprojection_performed: z.boolean(),
  source_crs: z.string(),
  target_crs: z.string(),
  /** [west, south, east, north] in degrees; west > east over the antimeridian. */
  bounds_4326: z.array(z.number()),
  shape: z.tuple([z.int(), z.int()]),
  /** GDAL's name in lower case, e.g. `uint8`, `float32`. */
  dtype: z.string(),
  /** Zooms of WebMercatorQuad at which its smallest overview and its pixels are shown; null: not in Web Mercator. */
  zoom_range: z.tuple([z.int(), z.int()]).nullable(),
  size_mb: z.number(),
  compression: z.string(),
  interleave: z.string(),
  raster_type: z.enum(rasterTypes),
  /** Decimations, e.g. [2, 4, 8]. */
  overview_levels: z.array(z.int()),
  processing_time_seconds: z.number(),
  gdal_version: z.string(),
  /** Present where it was asked for. */
  item_body: itemBody.optional(),
});
export type CreateCogOutput = z.output<typeof createCogOutput>;
