import gdal, { type Dataset, type RasterBand } from 'gdal-async';
import { messageOf, OperationError } from './operation-error.ts';
import type { OperationContext } from './perform.ts';

/** Pixels are read in windows of whole blocks: 2 million values at a time. */
const windowWidth = 4096;
const windowHeight = 512;
const perDataset = 2;

/**
 * Computes the statistics of each band's valid pixels and writes them into the GeoTIFF, as GDAL's STATISTICS_* items,
 * over whatever stood there. GDAL's own leave a mask out of account (seen with 3.6: the black outside of a warped
 * picture counts) and believe what the source's maker wrote. Alpha bands get none, nor bands without a valid pixel.
 */
export async function writeStatistics(file: string, context: OperationContext): Promise<Dataset> {
  const dataset = await gdal.openAsync(file, 'r+').catch((error: unknown) => {
    throw new OperationError('open', messageOf(error), { path: file, cause: error });
  });
  const count = dataset.bands.count();
  for (let number = 1; number <= count; number += 1) {
    const band = dataset.bands.get(number);
    const isAlpha = band.colorInterpretation === 'Alpha' && count > 1;
    const moments = isAlpha ? null : await momentsOf(band);
    const kept = Object.entries<unknown>(band.getMetadata() ?? {}).filter(([name]) => !name.startsWith('STATISTICS_'));
    band.setMetadata({ ...Object.fromEntries(kept), ...(moments && itemsOf(moments, band)) });
    context.progress(number / count);
  }
  return dataset;
}

interface Moments {
  readonly count: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Sum of the squared distances from the mean. */
  readonly squares: number;
}

/** null: not one valid pixel. */
async function momentsOf(band: RasterBand): Promise<Moments | null> {
  let all: Moments | null = null;
  const { x: width, y: height } = band.size;
  const masked = (band.getMaskFlags() & perDataset) !== 0 ? band.getMaskBand() : null;
  for (let top = 0; top < height; top += windowHeight) {
    for (let left = 0; left < width; left += windowWidth) {
      const window = [left, top, Math.min(windowWidth, width - left), Math.min(windowHeight, height - top)] as const;
      const values = await read(band, window);
      const mask = masked && (await read(masked, window));
      all = merged(all, momentsOfValues(values, mask, nodataAmong(band, values)));
    }
  }
  return all;
}

function read(band: RasterBand, window: readonly [number, number, number, number]): Promise<ArrayLike<number>> {
  return band.pixels.readAsync<never>(...window);
}

/** Samples of 32-bit floats hold the nodata value as such a float. */
function nodataAmong(band: RasterBand, values: ArrayLike<number>): number | null {
  const nodata = band.noDataValue;
  return nodata !== null && values instanceof Float32Array ? Math.fround(nodata) : nodata;
}

function momentsOfValues(
  values: ArrayLike<number>,
  mask: ArrayLike<number> | null,
  nodata: number | null,
): Moments | null {
  let [count, minimum, maximum, sum, squares] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  // Distances from any of the values instead of from zero, so that the squares keep their digits.
  let origin = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? Number.NaN;
    if (value === nodata || (mask !== null && mask[index] === 0) || !Number.isFinite(value)) continue;
    if (count === 0) origin = value;
    count += 1;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    const distance = value - origin;
    sum += distance;
    squares += distance * distance;
  }
  if (count === 0) return null;
  return { count, minimum, maximum, mean: origin + sum / count, squares: Math.max(0, squares - (sum * sum) / count) };
}

/** Moments of two sets taken together (Chan, Golub, LeVeque 1979). */
function merged(one: Moments | null, other: Moments | null): Moments | null {
  if (!one || !other) return one ?? other;
  const count = one.count + other.count;
  const apart = other.mean - one.mean;
  return {
    count,
    minimum: Math.min(one.minimum, other.minimum),
    maximum: Math.max(one.maximum, other.maximum),
    mean: one.mean + (apart * other.count) / count,
    squares: one.squares + other.squares + (apart * apart * one.count * other.count) / count,
  };
}

function itemsOf(moments: Moments, band: RasterBand): Record<string, string> {
  const percent = (100 * moments.count) / (band.size.x * band.size.y);
  return {
    STATISTICS_MINIMUM: String(moments.minimum),
    STATISTICS_MAXIMUM: String(moments.maximum),
    STATISTICS_MEAN: String(moments.mean),
    STATISTICS_STDDEV: String(Math.sqrt(moments.squares / moments.count)),
    STATISTICS_VALID_PERCENT: String(Math.round(percent * 100) / 100),
  };
}
