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
  const wanted = { width, height, bands: numbers, resampling: 'near', anyValid: true };
  const window = await gdal.readPixels(source, wanted, options);
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

/** Of the band's valid pixels; null when there is none. */
export function sampleStatistics(sample: Sample, band: number): BandStatistics | null {
  const { mask } = sample;
  const values = sample.bands[sample.numbers.indexOf(band)] ?? new Uint8Array();
  let [count, sum, squares, minimum, maximum] = [0, 0, 0, Infinity, -Infinity];
  for (let pixel = 0; pixel < values.length; pixel += 1) {
    const value = values[pixel];
    if (mask[pixel] === 0 || value === undefined || !Number.isFinite(value)) continue;
    // Welford's way: sums of large squares lose their digits.
    count += 1;
    const before = value - sum / Math.max(1, count - 1);
    sum += value;
    if (count > 1) squares += before * (value - sum / count);
    minimum = Math.min(minimum, value);
    maximum = Math.max(maximum, value);
  }
  if (count === 0) return null;
  const valid_percent = Math.round((count / mask.length) * 10_000) / 100;
  return { minimum, maximum, mean: sum / count, stddev: Math.sqrt(squares / count), valid_percent };
}

/** The value below which the given share (0-1) of the values lies. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
}
