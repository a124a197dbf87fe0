import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { GdalCommand } from '../../core/ports/gdal.ts';
import { type CogPlan, makesPyramid, sharedGridError } from './cog-plan.ts';
import type { Box } from './target-grid.ts';

/** 7000 x 7000 RGB, 2 cores: level 6 takes 2.8 s for 90.6 MB, level 4 2.4 s for 91.0, 2 2.1 s for 91.1, 1 1.5 s for 96.2. */
const deflateLevel = 2;

/** Masks inside the TIFF instead of a file beside it. */
export const internalMask = { GDAL_TIFF_INTERNAL_MASK: 'YES' } as const;

/** A scratch file that is quick to write and to read in blocks. */
const scratchOptions = options('TILED=YES', 'BLOCKXSIZE=512', 'BLOCKYSIZE=512', 'BIGTIFF=IF_SAFER');

/**
 * Step 0, a reference without pixels; null: the source is taken as it is. For `mask: 'band'` it has one band more, 255 where
 * the source is valid; with `widened` it lies there.
 */
export function referenceCommand(plan: CogPlan, source: GdalSource, destination: string): GdalCommand | null {
  const band = plan.mask === 'band' ? [...bandFlags(plan.bandCount), '-b', 'mask'] : [];
  const place = plan.widened ? cornerFlags(plan.widened) : [];
  if (band.length + place.length === 0) return null;
  return { tool: 'gdal_translate', source, destination, args: ['-of', 'VRT', '-norat', ...place, ...band] };
}

/** Step 1: the pixels in the target grid, uncompressed. With a mask the last band of the result says what is valid. */
export function intermediateCommand(plan: CogPlan, source: GdalSource, destination: string): GdalCommand {
  return plan.warp ? warpCommand(plan, source, destination) : copyCommand(plan, source, destination);
}

function copyCommand(plan: CogPlan, source: GdalSource, destination: string): GdalCommand {
  const args = [
    // -norat: a raster attribute table has no place in a TIFF.
    ...['-of', 'GTiff', '-norat'],
    // The file's own words for the CRS may be odd; the COG's are the target's.
    ...['-a_srs', plan.targetCrs],
    ...windowFlags(plan),
    ...placeFlags(plan),
    ...(plan.nodata === 'none' ? ['-a_nodata', 'none'] : []),
    // Values of 12 bits, say: no predictor works on them, and LERC does not know them.
    ...(plan.fullBits === null ? [] : options(`NBITS=${plan.fullBits}`)),
    ...scratchOptions,
  ];
  return { tool: 'gdal_translate', source, destination, args };
}

function warpCommand(plan: CogPlan, source: GdalSource, destination: string): GdalCommand {
  const args = [
    ...['-of', 'GTiff', '-t_srs', plan.warpTarget],
    ...(plan.sourceCrs === null ? [] : ['-s_srs', plan.sourceCrs]),
    ...gridFlags(plan),
    ...seamlessFlags(plan),
    ...['-r', plan.resampling.reproject],
    // The source's overviews may be lossy, made of other pixels, or another file's that the TIFF names.
    ...['-ovr', 'NONE'],
    // Reading and computing side by side, chunks of 64 MB: more memory brings no speed.
    ...['-multi', '-wo', 'NUM_THREADS=ALL_CPUS', '-wm', '64'],
    // The corners that warping leaves are invalid, not black.
    ...(plan.mask === 'alpha' ? ['-dstalpha'] : []),
    ...nodataFlags(plan),
    ...scratchOptions,
  ];
  return { tool: 'gdalwarp', source, destination, args };
}

type PixelWindow = readonly [left: number, top: number, width: number, height: number];

/** A part of a source as a local file in blocks, nothing else changed. */
export function blocksCommand(source: GdalSource, destination: string, window: PixelWindow): GdalCommand {
  const args = ['-of', 'GTiff', '-norat', '-srcwin', ...window.map(String), ...scratchOptions];
  return { tool: 'gdal_translate', source, destination, args };
}

/** A reference to a local file as a part of a larger raster: `window` reaches beyond the file. */
export function placedCommand(file: string, destination: string, window: PixelWindow): GdalCommand {
  const args = ['-of', 'VRT', '-srcwin', ...window.map(String)];
  return { tool: 'gdal_translate', source: local(file), destination, args };
}

/** A reference without pixels in the grid that GDAL suggests for a warp. */
export function suggestionCommand(plan: CogPlan, source: GdalSource, destination: string): GdalCommand {
  const sourceCrs = plan.sourceCrs === null ? [] : ['-s_srs', plan.sourceCrs];
  return { tool: 'gdalwarp', source, destination, args: ['-of', 'VRT', '-t_srs', plan.warpTarget, ...sourceCrs] };
}

function placeFlags({ place }: CogPlan): string[] {
  return place ? cornerFlags(place.bounds) : [];
}

/** -a_ullr: upper left, lower right. */
function cornerFlags([left, bottom, right, top]: Box): string[] {
  return ['-a_ullr', ...[left, top, right, bottom].map(String)];
}

function gridFlags({ grid, pixelSize, widened }: CogPlan): string[] {
  if (grid) return ['-te', ...grid.bounds.map(String), '-ts', String(grid.width), String(grid.height)];
  if (!pixelSize) return [];
  // 4000 x 4000, cubic: 0 takes 8.0 s of CPU, 0.00001 4.4, 0.0001 4.0, GDAL's default of 0.125 3.6.
  return ['-tr', ...pixelSize.map(String), '-tap', '-et', String(widened ? sharedGridError : 0)];
}

function windowFlags({ tile }: CogPlan): string[] {
  if (!tile) return [];
  return ['-srcwin', ...[tile.column, tile.row, tile.width, tile.height].map(String)];
}

/**
 * What makes each pixel of a tile equal to that of a warp of the whole grid. GDAL works in chunks, and unless told
 * otherwise three things depend on the chunk: the transformation, interpolated along its rows (-et 0: every pixel's own;
 * 1.7 x the time of the warp); the width of the kernel, from the chunk's sizes in source and target (here of the
 * whole grid, as of a warp in one chunk); and pixels at the edge of what was read of the source (here with a margin).
 */
function seamlessFlags({ tile }: CogPlan): string[] {
  if (!tile) return [];
  const [across, down] = tile.scale;
  const scale = ['-wo', `XSCALE=${across}`, '-wo', `YSCALE=${down}`];
  return ['-et', '0', ...scale, '-wo', 'SOURCE_EXTRA=16', '-wo', 'SAMPLE_GRID=YES'];
}

function nodataFlags({ nodata, ignoreNodata }: CogPlan): string[] {
  if (nodata === 'keep') return [];
  if (typeof nodata === 'number') return ['-dstnodata', String(nodata)];
  // The mask takes the place of nodata. A pixel is invalid where all bands are.
  const source = ignoreNodata ? ['-srcnodata', 'none'] : ['-wo', 'UNIFIED_SRC_NODATA=YES'];
  return ['-dstnodata', 'none', ...source];
}

/** Step 1b: turns the last band of the warp into a mask, so that the COG has the source's bands and no more. */
export function maskCommand(plan: CogPlan, file: string, destination: string): GdalCommand {
  const mask = ['-mask', String(plan.bandCount + 1)];
  const args = ['-of', 'GTiff', ...bandFlags(plan.bandCount), ...mask, ...scratchOptions];
  return { tool: 'gdal_translate', source: local(file), destination, args };
}

function bandFlags(count: number): string[] {
  return Array.from({ length: count }, (_, index) => ['-b', String(index + 1)]).flat();
}

/** Step 2, for the COG driver, which makes the overviews itself: statistics into the scratch file, from where they are copied. */
export function statisticsCommand(file: string): GdalCommand {
  return { tool: 'statistics', file, args: [] };
}

/** Step 2, for the GTiff driver: overviews inside the scratch file, uncompressed, and statistics in the same time. */
export function overviewCommand(plan: CogPlan, file: string, levels: readonly number[]): GdalCommand {
  return { tool: 'gdaladdo', file, resampling: plan.resampling.overview, levels, statistics: true, args: [] };
}

/** Steps 1b and 2 in one, for the GTiff driver and a warp with a mask: the mask, overviews and statistics beside the warp. */
export function pyramidCommand(
  plan: CogPlan,
  file: string,
  destination: string,
  levels: readonly number[],
): GdalCommand {
  const resampling = plan.resampling.overview;
  return { tool: 'pyramid', file, destination, resampling, levels, options: scratchOptions, args: finalPlace(plan) };
}

/** Step 3: the COG. */
export function cogCommand(plan: CogPlan, file: string, destination: string): GdalCommand {
  const place = makesPyramid(plan) ? [] : finalPlace(plan);
  const args = [...place, ...(plan.writer === 'cog' ? cogDriver(plan) : gtiffDriver(plan))];
  return { tool: 'gdal_translate', source: local(file), destination, args };
}

/** Where the COG is said to lie, if not where the warp put it. */
function finalPlace({ warpTarget, targetCrs, cogPlace }: CogPlan): string[] {
  const crs = warpTarget === targetCrs ? [] : ['-a_srs', targetCrs];
  return [...crs, ...(cogPlace ? cornerFlags(cogPlace.bounds) : [])];
}

function cogDriver({ compression, resampling, interleave, bandCount }: CogPlan): string[] {
  const { name, predictor, quality } = compression;
  return [
    ...['-of', 'COG'],
    ...options(
      `COMPRESS=${name}`,
      ...(name === 'DEFLATE' ? [`LEVEL=${deflateLevel}`] : []),
      ...(predictor === null ? [] : [`PREDICTOR=${predictor === 3 ? 'FLOATING_POINT' : 'STANDARD'}`]),
      ...(quality === null ? [] : [`QUALITY=${quality}`, `OVERVIEW_QUALITY=${quality}`]),
      ...(name === 'LERC_DEFLATE' ? ['MAX_Z_ERROR=0'] : []),
      ...(interleave === 'BAND' && bandCount > 1 ? ['INTERLEAVE=BAND'] : []),
      'BLOCKSIZE=512',
      'OVERVIEWS=IGNORE_EXISTING',
      `OVERVIEW_RESAMPLING=${resampling.overview.toUpperCase()}`,
      'NUM_THREADS=ALL_CPUS',
      // IF_NEEDED guesses from the uncompressed size only without compression.
      'BIGTIFF=IF_SAFER',
    ),
  ];
}

function gtiffDriver({ compression, interleave }: CogPlan): string[] {
  const { name, predictor } = compression;
  return [
    ...['-of', 'GTiff'],
    ...options(
      'COPY_SRC_OVERVIEWS=YES',
      'TILED=YES',
      'BLOCKXSIZE=512',
      'BLOCKYSIZE=512',
      `INTERLEAVE=${interleave}`,
      `COMPRESS=${name}`,
      ...(name === 'DEFLATE' ? [`ZLEVEL=${deflateLevel}`] : []),
      ...(predictor === null ? [] : [`PREDICTOR=${predictor}`]),
      ...(name === 'LERC_DEFLATE' ? ['MAX_Z_ERROR=0'] : []),
      'NUM_THREADS=ALL_CPUS',
      'BIGTIFF=IF_SAFER',
    ),
  ];
}

function options(...list: readonly string[]): string[] {
  return list.flatMap((option) => ['-co', option]);
}

function local(path: string): GdalSource {
  return { path, config: {} };
}
