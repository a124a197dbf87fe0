import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { GdalCommand } from '../../core/ports/gdal.ts';
import type { CogPlan } from './cog-plan.ts';

/** Masks inside the TIFF instead of a file beside it. */
export const internalMask = { GDAL_TIFF_INTERNAL_MASK: 'YES' } as const;

/** A scratch file that is quick to write and to read in blocks. */
const scratchOptions = options('TILED=YES', 'BLOCKXSIZE=512', 'BLOCKYSIZE=512', 'BIGTIFF=IF_SAFER');

/** Step 1: the pixels in the target grid, uncompressed. With `addMask` the last band of the result says what is valid. */
export function intermediateCommand(plan: CogPlan, source: GdalSource, destination: string): GdalCommand {
  if (!plan.warp) {
    const place = plan.sourceCrs === null ? [] : ['-a_srs', plan.sourceCrs];
    // -norat: a raster attribute table has no place in a TIFF.
    return {
      tool: 'gdal_translate',
      source,
      destination,
      args: ['-of', 'GTiff', '-norat', ...place, ...scratchOptions],
    };
  }
  const args = [
    ...['-of', 'GTiff', '-t_srs', plan.warpTarget],
    ...(plan.sourceCrs === null ? [] : ['-s_srs', plan.sourceCrs]),
    ...['-r', plan.resampling.reproject],
    // Reading and computing side by side, chunks of 64 MB: more memory brings no speed.
    ...['-multi', '-wo', 'NUM_THREADS=ALL_CPUS', '-wm', '64'],
    // The corners that warping leaves are invalid, not black.
    ...(plan.addMask ? ['-dstalpha'] : []),
    // The mask takes the place of nodata. A pixel is invalid where all bands are.
    ...(plan.dropNodata ? ['-dstnodata', 'none', '-wo', 'UNIFIED_SRC_NODATA=YES'] : []),
    ...scratchOptions,
  ];
  return { tool: 'gdalwarp', source, destination, args };
}

/** Step 1b: turns the alpha band that warping added into a mask, so that the COG has the source's bands and no more. */
export function maskCommand(plan: CogPlan, file: string, destination: string): GdalCommand {
  const bands = Array.from({ length: plan.bandCount }, (_, index) => ['-b', String(index + 1)]).flat();
  const args = ['-of', 'GTiff', ...bands, '-mask', String(plan.bandCount + 1), ...scratchOptions];
  return { tool: 'gdal_translate', source: local(file), destination, args };
}

/** Step 1c: statistics into the scratch file, from where they are copied. */
export function statisticsCommand(file: string): GdalCommand {
  return { tool: 'statistics', file, args: [] };
}

/** Step 2, for the GTiff driver only: overviews inside the scratch file, uncompressed. */
export function overviewCommand(plan: CogPlan, file: string, levels: readonly number[]): GdalCommand {
  return { tool: 'gdaladdo', file, resampling: plan.resampling.overview, levels, args: [] };
}

/** Step 3: the COG. */
export function cogCommand(plan: CogPlan, file: string, destination: string): GdalCommand {
  const place = plan.warpTarget === plan.targetCrs ? [] : ['-a_srs', plan.targetCrs];
  const args = [...place, ...(plan.writer === 'cog' ? cogDriver(plan) : gtiffDriver(plan))];
  return { tool: 'gdal_translate', source: local(file), destination, args };
}

function cogDriver({ compression, resampling, interleave, bandCount }: CogPlan): string[] {
  const { name, predictor, quality } = compression;
  return [
    ...['-of', 'COG'],
    ...options(
      `COMPRESS=${name}`,
      ...(predictor === null ? [] : [`PREDICTOR=${predictor === 3 ? 'FLOATING_POINT' : 'STANDARD'}`]),
      ...(quality === null ? [] : [`QUALITY=${quality}`, `OVERVIEW_QUALITY=${quality}`]),
      ...(name === 'LERC_DEFLATE' ? ['MAX_Z_ERROR=0'] : []),
      ...(interleave === 'BAND' && bandCount > 1 ? ['INTERLEAVE=BAND'] : []),
      'BLOCKSIZE=512',
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
