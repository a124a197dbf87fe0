import gdal, { type Dataset, type RasterBand } from 'gdal-async';
import { type Moments, merged, momentsOf } from './moments.ts';
import { messageOf, OperationError } from './operation-error.ts';
import type { OperationContext } from './perform.ts';

/** Pixels are read in windows of whole blocks: 2 million values at a time. */
const windowWidth = 4096;
const windowHeight = 512;
/** Of GDALGetMaskFlags (gdal.h): one mask for all bands. */
const perDataset = 2;

type Window = readonly [left: number, top: number, width: number, height: number];

/**
 * Computes the statistics of each band's valid pixels and writes them into the GeoTIFF, as GDAL's STATISTICS_* items,
 * over whatever stood there. GDAL's own leave a mask out of account (seen with 3.6: the black outside of a warped
 * picture counts) and believe what the source's maker wrote. Alpha bands get none, nor bands without a valid pixel.
 */
export async function writeStatistics(file: string, context: OperationContext): Promise<Dataset> {
  const dataset = await gdal.openAsync(file, 'r+').catch((error: unknown) => {
    throw new OperationError('open', messageOf(error), { path: file, cause: error });
  });
  const bands = dataset.bands.map((band) => band);
  const measured = bands.filter((band) => bands.length === 1 || band.colorInterpretation !== 'Alpha');
  const moments = await momentsOfBands(dataset, measured, context);
  for (const band of bands) {
    const kept = Object.entries<unknown>(band.getMetadata() ?? {}).filter(([name]) => !name.startsWith('STATISTICS_'));
    const found = moments.get(band);
    band.setMetadata({ ...Object.fromEntries(kept), ...(found && itemsOf(found, band)) });
  }
  return dataset;
}

async function momentsOfBands(
  dataset: Dataset,
  bands: readonly RasterBand[],
  context: OperationContext,
): Promise<Map<RasterBand, Moments>> {
  const { x: width, y: height } = dataset.rasterSize;
  const masked = bands.find((band) => (band.getMaskFlags() & perDataset) !== 0)?.getMaskBand() ?? null;
  const found = new Map<RasterBand, Moments>();
  for (const window of windowsOf(width, height)) {
    const mask = masked && (await read(masked, window));
    for (const band of bands) {
      const values = await read(band, window);
      const both = merged(found.get(band) ?? null, momentsOf(values, mask, nodataAmong(band, values)));
      if (both) found.set(band, both);
    }
    context.progress((window[1] + window[3]) / height);
  }
  return found;
}

function* windowsOf(width: number, height: number): Generator<Window> {
  for (let top = 0; top < height; top += windowHeight) {
    for (let left = 0; left < width; left += windowWidth) {
      yield [left, top, Math.min(windowWidth, width - left), Math.min(windowHeight, height - top)];
    }
  }
}

function read(band: RasterBand, window: Window): Promise<ArrayLike<number>> {
  return band.pixels.readAsync<never>(...window);
}

/** Samples of 32-bit floats hold the nodata value as such a float. */
function nodataAmong(band: RasterBand, values: ArrayLike<number>): number | null {
  const nodata = band.noDataValue;
  return nodata !== null && values instanceof Float32Array ? Math.fround(nodata) : nodata;
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
