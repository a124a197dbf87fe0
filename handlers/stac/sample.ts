import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { Gdal, GdalRunOptions, PixelWindow } from '../../core/ports/gdal.ts';
import type { BandStatistics, RasterFacts } from './raster-facts.ts';

/** A reduced copy of a raster: what footprint, thumbnail and missing statistics are made from. */
export interface Sample extends PixelWindow {
  /** The band's number in the raster, from 1, of each array in `bands`. */
  readonly numbers: readonly number[];
}

/** Longest side in pixels; a COG's overview of about this size is read, so the raster's own size hardly matters. */
const longestSide = 1024;
/** Values of all bands together, against hundreds of bands; 64 bits each at most. */
const mostValues = 24 * 1024 * 1024;

/** Reads the bands at the resolution of a preview. Every n-th pixel, not means: extremes and classes stay what they are. */
export async function readSample(
  gdal: Gdal,
  source: GdalSource,
  facts: RasterFacts,
  numbers: readonly number[],
  options: GdalRunOptions,
): Promise<Sample> {
  const { width, height } = sampleSize(facts, numbers.length);
  // Alone, an alpha band would count as data of its own: the mask is that of the bands asked for.
  const window = await gdal.readPixels(source, { width, height, bands: numbers, resampling: 'near' }, options);
  return { ...window, numbers };
}

function sampleSize({ width, height }: RasterFacts, bands: number): { width: number; height: number } {
  const byLength = longestSide / Math.max(width, height);
  const byValues = Math.sqrt(mostValues / (width * height * bands));
  const scale = Math.min(1, byLength, byValues);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** A band's values at the valid pixels, ascending; the basis of percentiles. */
export function sortedValues(sample: Sample, band: number): Float64Array {
  const values = sample.bands[sample.numbers.indexOf(band)];
  if (!values) return new Float64Array();
  const valid = new Float64Array(values.length);
  let count = 0;
  for (let pixel = 0; pixel < values.length; pixel += 1) {
    const value = values[pixel];
    if (sample.mask[pixel] !== 0 && value !== undefined && Number.isFinite(value)) valid[count++] = value;
  }
  return valid.subarray(0, count).sort();
}

/** null when no pixel is valid. */
export function statisticsOf(sorted: Float64Array, pixels: number): BandStatistics | null {
  const [minimum] = sorted;
  const maximum = sorted.at(-1);
  if (minimum === undefined || maximum === undefined) return null;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const valid_percent = Math.round((sorted.length / pixels) * 10_000) / 100;
  return { minimum, maximum, mean, stddev: Math.sqrt(squares / sorted.length), valid_percent };
}

/** The value below which the given share (0-1) of the values lies. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
}
