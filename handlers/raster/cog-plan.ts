import type { GdalCapabilities } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import { type Compression, compressionOf, type Resampling, resamplingOf } from './profiles.ts';
import type { CogTier, RasterType } from './schemas.ts';

/** What has to be done to make a COG of a raster, decided before any GDAL operation runs. */
export interface CogPlan {
  /** False when the raster lies in the target grid already. */
  readonly reprojects: boolean;
  /** False: the pixels are copied as they are. */
  readonly warp: boolean;
  /** What GDAL warps to: the target, or for a raster over the antimeridian degrees from 0 to 360. */
  readonly warpTarget: string;
  /** What the COG says its CRS is. */
  readonly targetCrs: string;
  readonly sourceCrs: string | null;
  /** Warping leaves empty corners; without nodata or alpha a mask says so. */
  readonly addMask: boolean;
  /** Lossy compression blurs the nodata value into its neighbours; the mask takes its place. */
  readonly dropNodata: boolean;
  readonly bandCount: number;
  readonly resampling: Resampling;
  readonly compression: Compression;
  /** `cog`: the COG driver. `gtiff`: overviews first, then the GTiff driver, for band interleave before GDAL 3.11. */
  readonly writer: 'cog' | 'gtiff';
  readonly interleave: 'PIXEL' | 'BAND';
}

export interface PlanInput {
  readonly facts: RasterFacts;
  readonly sourceCrs: string;
  /** Instead of the file's own; null: the file has one. */
  readonly crsOverride: string | null;
  readonly targetCrs: string;
  readonly crossesAntimeridian: boolean;
  readonly type: RasterType;
  readonly tier: CogTier;
  readonly jpegQuality: number;
}

/** Longitudes from 0 to 360, so that a scene over the antimeridian stays in one piece. */
const pacificDegrees = '+proj=longlat +datum=WGS84 +lon_wrap=180 +no_defs +type=crs';

export function planCog(input: PlanInput, gdal: GdalCapabilities): CogPlan {
  const { facts, targetCrs } = input;
  const reprojects = input.sourceCrs !== targetCrs || !isNorthUp(facts.geoTransform);
  const compression = compressionOf(input.tier, input.type, facts, gdal, input.jpegQuality);
  const interleave = compression.name === 'JPEG' || compression.name === 'WEBP' ? 'PIXEL' : 'BAND';
  const cogDriverDoes = interleave === 'PIXEL' || facts.bands.length === 1 || gdal.cogInterleave;
  const dropNodata = compression.quality !== null && facts.bands.some(({ nodata }) => nodata !== null);
  const warp = reprojects || dropNodata;
  return {
    reprojects,
    warp,
    warpTarget: input.crossesAntimeridian && targetCrs === 'EPSG:4326' ? pacificDegrees : targetCrs,
    targetCrs,
    sourceCrs: input.crsOverride,
    addMask: warp && (dropNodata ? !hasAlpha(facts) : !tellsInvalid(facts)),
    dropNodata,
    bandCount: facts.bands.length,
    resampling: resamplingOf(input.type, facts),
    compression,
    writer: cogDriverDoes ? 'cog' : 'gtiff',
    interleave,
  };
}

/** Rows run south, columns run east, nothing is rotated. */
export function isNorthUp(geoTransform: readonly number[]): boolean {
  const [, dx = 0, rx = 0, , ry = 0, dy = 0] = geoTransform;
  return rx === 0 && ry === 0 && dx > 0 && dy < 0;
}

/** True when the raster itself can say that a pixel is not valid, and warping carries that on. */
function tellsInvalid(facts: RasterFacts): boolean {
  return facts.bands.every(({ nodata }) => nodata !== null) || hasAlpha(facts);
}

function hasAlpha({ bands }: RasterFacts): boolean {
  return bands.at(-1)?.color === 'Alpha';
}

/** Decimations of overviews down to the first that fits into one block of 512 x 512. */
export function overviewLevels(width: number, height: number): number[] {
  const levels: number[] = [];
  for (let level = 2; Math.max(width, height) / (level / 2) > 512; level *= 2) levels.push(level);
  return levels;
}
