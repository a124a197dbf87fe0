import gdal, { type Dataset, type RasterBand, type TypedArray } from 'gdal-async';
import { type Moments, merged, momentsOf } from './moments.ts';
import { messageOf, OperationError } from './operation-error.ts';
import type { OperationContext } from './perform.ts';

/** Pixels are read in windows of whole blocks: 2 million values at a time. */
const windowWidth = 4096;
const windowHeight = 512;
/** Bits of GDALGetMaskFlags (gdal.h); `perDataset`: one mask for all bands. */
export const maskFlags = { allValid: 1, perDataset: 2, nodata: 8 } as const;

/** By the band's place in the dataset, from 0. */
export type DatasetStatistics = ReadonlyMap<number, Moments>;

type Window = readonly [left: number, top: number, width: number, height: number];

/** Computes statistics as `datasetStatistics` does and writes them into the GeoTIFF; its dataset, open for writing. */
export async function writeStatistics(file: string, context: OperationContext): Promise<Dataset> {
  const dataset = await openFile(file, 'r+');
  setStatistics(dataset, await datasetStatistics(dataset, context));
  return dataset;
}

/**
 * The statistics of each band's valid pixels. GDAL's own leave a mask out of account (seen with 3.6: the black outside
 * of a warped picture counts) and believe what the source's maker wrote. Alpha bands get none, nor bands without a
 * valid pixel. `maskNumber`: of the last band, where that one is the mask of the others. By the time the promise is
 * returned, all that is needed of the file's directories was read.
 */
export function datasetStatistics(
  dataset: Dataset,
  context: OperationContext,
  maskNumber: number | null = null,
): Promise<DatasetStatistics> {
  const all = dataset.bands.map((band) => band);
  const bands = maskNumber === null ? all : all.slice(0, maskNumber - 1);
  const masked = maskNumber === null ? maskOf(all) : dataset.bands.get(maskNumber);
  const measured = new Map(
    [...bands.entries()].filter(([, band]) => bands.length === 1 || band.colorInterpretation !== 'Alpha'),
  );
  return momentsOfBands(dataset, { measured, masked }, context);
}

function maskOf(bands: readonly RasterBand[]): RasterBand | null {
  return bands.find((band) => (band.getMaskFlags() & maskFlags.perDataset) !== 0)?.getMaskBand() ?? null;
}

/** As GDAL's STATISTICS_* items, over whatever stood there. */
export function setStatistics(dataset: Dataset, statistics: DatasetStatistics): void {
  for (const [index, band] of dataset.bands.map((each) => each).entries()) {
    const kept = Object.entries<unknown>(band.getMetadata() ?? {}).filter(([name]) => !name.startsWith('STATISTICS_'));
    const found = statistics.get(index);
    band.setMetadata({ ...Object.fromEntries(kept), ...(found && itemsOf(found, band)) });
  }
}

export async function openFile(file: string, mode: 'r' | 'r+'): Promise<Dataset> {
  try {
    return await gdal.openAsync(file, mode);
  } catch (error) {
    throw new OperationError('open', messageOf(error), { path: file, cause: error });
  }
}

async function momentsOfBands(
  dataset: Dataset,
  { measured, masked }: { measured: ReadonlyMap<number, RasterBand>; masked: RasterBand | null },
  context: OperationContext,
): Promise<DatasetStatistics> {
  const { x: width, y: height } = dataset.rasterSize;
  const found = new Map<number, Moments>();
  const [valuesReader, maskReader] = [new WindowReader(), new WindowReader()];
  for (const window of windowsOf(width, height)) {
    const mask = masked && (await maskReader.read(masked, window));
    for (const [index, band] of measured) {
      const values = await valuesReader.read(band, window);
      const both = merged(found.get(index) ?? null, momentsOf(values, mask, nodataAmong(band, values)));
      if (both) found.set(index, both);
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

/** Types without an array of numbers: as doubles, which hold whole numbers up to 2^53 exactly. */
const readAsDoubles: ReadonlySet<string | null> = new Set(['Int64', 'UInt64']);

/** Reads windows of one type into the same memory: new memory for each has to be cleared, and collected by V8. */
class WindowReader {
  readonly #memory = new Map<string | null, TypedArray>();

  /** Holds until the next one is read. */
  async read(band: RasterBand, window: Window): Promise<TypedArray> {
    const options = readAsDoubles.has(band.dataType) ? { data_type: 'Float64' } : {};
    const [, , width, height] = window;
    const place = this.#memory.get(band.dataType)?.subarray(0, width * height);
    if (place?.length === width * height) return band.pixels.readAsync(...window, place, options);
    const values = await band.pixels.readAsync<TypedArray>(...window, undefined, options);
    this.#memory.set(band.dataType, values);
    return values;
  }
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
