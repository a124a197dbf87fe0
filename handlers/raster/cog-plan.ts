import type { GdalCapabilities } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import type { Cylinder } from './cylinder.ts';
import { isUsableNodata } from './nodata.ts';
import { type Compression, compressionOf, type Resampling, resamplingOf } from './profiles.ts';
import type { CogTier, RasterType } from './schemas.ts';
import { type Box, broughtBack, type TargetGrid, turnedBack } from './target-grid.ts';

/** What has to be done to make a COG of a raster, decided before any GDAL operation runs. */
export interface CogPlan {
  /** False when the raster lies in the target grid already. */
  readonly reprojects: boolean;
  /** False: the pixels are copied as they are. */
  readonly warp: boolean;
  /** What GDAL warps to: the target, or for a raster over its end one that goes on beyond it. */
  readonly warpTarget: string;
  /** What the COG says its CRS is. */
  readonly targetCrs: string;
  readonly sourceCrs: string | null;
  /** For a warp; null: GDAL's own choice. */
  readonly grid: TargetGrid | null;
  /** For a warp without `grid`: the lines of the grid lie at whole multiples of these sides of a pixel. */
  readonly pixelSize?: readonly [number, number];
  /** For a warp with `pixelSize`: where the source is said to lie; absent: where it does. */
  readonly widened?: Box;
  /** For a copy: where the pixels are said to lie; null: where they were. */
  readonly place: TargetGrid | null;
  /** The part of the target grid that is made; absent: all of it. */
  readonly tile?: TileWindow;
  /** Where the COG of a tile beyond the end of the target is said to lie. */
  readonly cogPlace?: TargetGrid;
  /**
   * Warping leaves empty corners; without nodata or alpha a mask says so. `alpha`: from the alpha band that gdalwarp
   * adds. `band`: from a band of the source's mask that is warped along with the others: gdalwarp drops the bands'
   * descriptions, units and metadata when it adds a band itself.
   */
  readonly mask: 'none' | 'alpha' | 'band';
  /** `none`: the COG has no nodata value. A number: all bands are given this one. */
  readonly nodata: 'keep' | 'none' | number;
  /** True: no pixel of the source is taken for invalid by its value. */
  readonly ignoreNodata: boolean;
  /** Bits of the type, where the source packs its values into fewer; null elsewhere. */
  readonly fullBits: number | null;
  readonly bandCount: number;
  readonly resampling: Resampling;
  readonly compression: Compression;
  /** `cog`: the COG driver. `gtiff`: overviews first, then the GTiff driver, for band interleave before GDAL 3.11. */
  readonly writer: 'cog' | 'gtiff';
  readonly interleave: 'PIXEL' | 'BAND';
}

/** A rectangle of whole pixels of a larger target grid. */
export interface TileWindow extends TargetGrid {
  /** Of its upper left corner in the whole grid. */
  readonly column: number;
  readonly row: number;
  /** Pixels of the whole grid for one of the source, across and down. */
  readonly scale: readonly [number, number];
}

export interface PlanInput {
  readonly facts: RasterFacts;
  readonly sourceCrs: string;
  /** Instead of the file's own; null: the file has one. */
  readonly crsOverride: string | null;
  readonly targetCrs: string;
  /** Of the target. */
  readonly cylinder: Cylinder | null;
  /** What a raster over the end of the target is warped to instead, to stay in one piece; null: the target. */
  readonly beyond: string | null;
  readonly grid: TargetGrid | null;
  readonly pixelSize?: readonly [number, number] | undefined;
  /** Absent: all of the grid. */
  readonly tile?: TileWindow | undefined;
  readonly packedBits: boolean;
  readonly type: RasterType;
  readonly tier: CogTier;
  readonly jpegQuality: number;
}

export function planCog(input: PlanInput, gdal: GdalCapabilities): CogPlan {
  const { facts, targetCrs, cylinder } = input;
  const sameGrid = input.sourceCrs === targetCrs && isNorthUp(facts.geoTransform);
  const turned = sameGrid && cylinder ? turnedBack(facts, cylinder) : null;
  const rolls = turned?.wholeGlobe === true;
  const reprojects = !sameGrid || rolls;
  const compression = compressionOf(input.tier, input.type, facts, gdal, input.jpegQuality);
  const interleave = compression.name === 'JPEG' || compression.name === 'WEBP' ? 'PIXEL' : 'BAND';
  const cogDriverDoes = interleave === 'PIXEL' || facts.bands.length === 1 || gdal.cogInterleave;
  const invalid = invalidPixels(facts, compression);
  const beyond = reprojects && !rolls ? input.beyond : null;
  const within = input.tile && cylinder && !turned ? broughtBack(input.tile, cylinder) : null;
  const warp = reprojects || invalid.needsWarp;
  return {
    reprojects,
    warp,
    warpTarget: beyond ?? targetCrs,
    targetCrs,
    sourceCrs: input.crsOverride,
    grid: input.tile ?? turned ?? input.grid,
    ...(input.pixelSize && reprojects && !rolls && sharedGrid(facts, input.pixelSize)),
    place: warp ? null : turned ? (input.tile ?? turned) : within,
    ...(input.tile && { tile: input.tile }),
    ...(warp && within && { cogPlace: within }),
    mask: warp && !(rolls && allValid(facts)) ? maskOf(facts, invalid) : 'none',
    nodata: invalid.nodata,
    ignoreNodata: invalid.ignore,
    fullBits: input.packedBits ? (typeBits[facts.bands[0]?.type ?? ''] ?? null) : null,
    bandCount: facts.bands.length,
    // Pixels that keep their size and only move are not blended with their neighbours.
    resampling: sameGrid ? { ...resamplingOf(input.type, facts), reproject: 'near' } : resamplingOf(input.type, facts),
    compression,
    writer: cogDriverDoes ? 'cog' : 'gtiff',
    interleave,
  };
}

/**
 * In pixels of the source: by how much a warp on shared lines may err, and by how much its source is widened. Rasters side by
 * side are warped one by one, and what the one takes for just beyond their common edge the other may take for just before it:
 * a pixel that is in none. With sources that reach beyond their edge by as much as the warp errs, one has it, or both have.
 */
export const sharedGridError = 0.0001;

function sharedGrid(facts: RasterFacts, pixelSize: readonly [number, number]): Pick<CogPlan, 'pixelSize' | 'widened'> {
  const [west = 0, dx = 0, rx = 0, north = 0, ry = 0, dy = 0] = facts.geoTransform;
  // A rotated raster has no sides along the axes that could be moved.
  if (rx !== 0 || ry !== 0) return { pixelSize };
  const [east, south] = [west + facts.width * dx, north + facts.height * dy];
  const [across, down] = [sharedGridError * dx, sharedGridError * dy];
  return { pixelSize, widened: [west - across, south + down, east + across, north - down] };
}

const typeBits: Readonly<Record<string, number>> = {
  Byte: 8,
  UInt16: 16,
  Int16: 16,
  UInt32: 32,
  Int32: 32,
  Float32: 32,
};

interface InvalidPixels {
  /** True when the raster itself can say that a pixel is not valid, and warping carries that on. */
  readonly told: boolean;
  readonly nodata: CogPlan['nodata'];
  readonly ignore: boolean;
  readonly lossy: boolean;
  /** True when pixels have to be gone through one by one, in whatever grid. */
  readonly needsWarp: boolean;
}

/** How the COG says which pixels are invalid. A TIFF has one nodata value for all of its bands. */
function invalidPixels({ bands }: RasterFacts, compression: Compression): InvalidPixels {
  const alpha = bands.at(-1)?.color === 'Alpha';
  const given = bands.flatMap(({ nodata }) => (nodata === null ? [] : [nodata]));
  const usable = bands.every(({ type, nodata }) => nodata === null || isUsableNodata(type, nodata));
  if (!usable) return { told: alpha, nodata: 'none', ignore: true, lossy: false, needsWarp: false };
  // Lossy compression blurs the nodata value into its neighbours; a mask takes its place.
  const lossy = compression.quality !== null && given.length > 0;
  if (lossy) return { told: alpha, nodata: 'none', ignore: false, lossy, needsWarp: true };
  const [first] = given;
  const different = first !== undefined && given.some((nodata) => !Object.is(nodata, first));
  const told = alpha || given.length === bands.length;
  return { told, nodata: different ? first : 'keep', ignore: false, lossy, needsWarp: different };
}

function maskOf(facts: RasterFacts, { told, lossy }: InvalidPixels): CogPlan['mask'] {
  if (told) return 'none';
  return hasTexts(facts) && !lossy ? 'band' : 'alpha';
}

function allValid({ bands }: RasterFacts): boolean {
  return bands.every((band) => band.allValid);
}

/** Rows run south, columns run east, nothing is rotated. */
export function isNorthUp(geoTransform: readonly number[]): boolean {
  const [, dx = 0, rx = 0, , ry = 0, dy = 0] = geoTransform;
  return rx === 0 && ry === 0 && dx > 0 && dy < 0;
}

/** What gdalwarp does not carry on when it adds a band. */
function hasTexts({ bands }: RasterFacts): boolean {
  return bands.some(({ description, unit, metadata }) => {
    const items = Object.keys(metadata).filter((name) => !name.startsWith('STATISTICS_'));
    return description !== null || unit !== null || items.length > 0;
  });
}

/** Whether overviews are made as reduced copies: where a mask makes GDAL's own builder slow; of the others it is as quick. */
export function makesPyramid({ mask, writer, resampling }: CogPlan): boolean {
  return mask !== 'none' && writer === 'gtiff' && resampling.overview === 'cubic';
}

/** Decimations of overviews down to the first that fits into one block of 512 x 512. */
export function overviewLevels(width: number, height: number): number[] {
  const levels: number[] = [];
  for (let level = 2; Math.max(width, height) / (level / 2) > 512; level *= 2) levels.push(level);
  return levels;
}
