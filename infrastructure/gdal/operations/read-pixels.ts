import { constants } from 'node:buffer';
import type { Dataset, RasterBand } from 'gdal-async';
import type { PixelWindow } from '../../../core/ports/gdal.ts';
import type { PixelRequest } from '../protocol.ts';
import { fillMask } from './any-valid.ts';
import { maskFlags } from './band-statistics.ts';
import { OperationError } from './operation-error.ts';
import type { OperationContext } from './perform.ts';
import { withPixels } from './source.ts';

type Samples = PixelWindow['bands'][number];

/** gdal-async's names of the resampling methods, by gdalwarp's. */
const resamplings: Readonly<Record<string, string>> = {
  near: 'NearestNeighbor',
  nearest: 'NearestNeighbor',
  bilinear: 'Bilinear',
  cubic: 'Cubic',
  cubicspline: 'CubicSpline',
  lanczos: 'Lanczos',
  average: 'Average',
  mode: 'Mode',
  gauss: 'Gauss',
};

/** Types that come as they are stored; of the others the nearest that has an array: wider integers, the real part. */
const readAs: Readonly<Record<string, string>> = {
  Byte: 'Byte',
  Int8: 'Int16',
  UInt16: 'UInt16',
  Int16: 'Int16',
  UInt32: 'UInt32',
  Int32: 'Int32',
  Float16: 'Float32',
  Float32: 'Float32',
};

export function readPixels(request: PixelRequest, context: OperationContext): Promise<PixelWindow> {
  return withPixels(request.path, context, async (dataset) => {
    const bands = chosenBands(dataset, request);
    const samples: Samples[] = [];
    for (const band of bands) samples.push(await readBand(band, request));
    const mask = await readMask(bands, samples, request);
    const { width, height } = request;
    const found = { width, height, bands: samples, mask };
    return request.anyValid ? { ...found, anyValid: await filled(mask, bands, request) } : found;
  });
}

function chosenBands(dataset: Dataset, request: PixelRequest): readonly RasterBand[] {
  const count = dataset.bands.count();
  const numbers = request.bands ?? Array.from({ length: count }, (_, index) => index + 1);
  const wrong = numbers.find((number) => !Number.isInteger(number) || number < 1 || number > count);
  if (wrong !== undefined) refuse(`There is no band ${wrong} among ${count}`, request);
  if (!(request.resampling in resamplings)) refuse(`There is no resampling '${request.resampling}'`, request);
  const samples = request.width * request.height;
  if (!(samples >= 1 && samples * 8 <= constants.MAX_LENGTH)) refuse('The window is empty or too large', request);
  return numbers.map((number) => dataset.bands.get(number));
}

function refuse(message: string, request: PixelRequest): never {
  throw new OperationError('refused', message, { path: request.path });
}

function readBand(band: RasterBand, request: PixelRequest): Promise<Samples> {
  return read(band, request, readAs[band.dataType ?? ''] ?? 'Float64', resamplings[request.resampling]);
}

function read(band: RasterBand, request: PixelRequest, type: string, resampling: string | undefined): Promise<Samples> {
  const { x, y } = band.size;
  const shape = { buffer_width: request.width, buffer_height: request.height };
  // The types asked for are those of the arrays in `Samples`.
  return band.pixels.readAsync<never>(0, 0, x, y, undefined, {
    ...shape,
    data_type: type,
    ...(resampling !== undefined && { resampling }),
  });
}

/** 255 where one of the bands has data. Alpha bands are no data: they say where there is some. */
async function readMask(
  bands: readonly RasterBand[],
  samples: readonly Samples[],
  request: PixelRequest,
): Promise<Uint8Array> {
  const mask = new Uint8Array(request.width * request.height);
  for (const [index, band] of bands.entries()) {
    const values = samples[index];
    if (!values || (band.colorInterpretation === 'Alpha' && bands.length > 1)) continue;
    await markValid(mask, band, values, request);
  }
  return mask;
}

async function filled(mask: Uint8Array, bands: readonly RasterBand[], request: PixelRequest): Promise<Uint8Array> {
  const data = bands.filter((band) => band.colorInterpretation !== 'Alpha' || bands.length === 1);
  const copy = mask.slice();
  await fillMask(copy, data, request);
  return copy;
}

async function markValid(mask: Uint8Array, band: RasterBand, values: Samples, request: PixelRequest): Promise<void> {
  const flags = band.getMaskFlags();
  const cover = (flags & maskFlags.perDataset) !== 0 ? await readCover(band, request) : null;
  const nodata = (flags & maskFlags.nodata) !== 0 ? storedNodata(band, values) : null;
  for (let pixel = 0; pixel < mask.length; pixel += 1) {
    const value = values[pixel];
    // Not a number is no data, also where the dataset does not say so.
    if (value === undefined || Number.isNaN(value) || value === nodata || cover?.[pixel] === 0) continue;
    mask[pixel] = 255;
  }
}

/** The mask or alpha band, above 0 where any of the pixels that went into one is valid. */
async function readCover(band: RasterBand, request: PixelRequest): Promise<Samples | null> {
  const cover = band.getMaskBand();
  const nearest = resamplings[request.resampling] === resamplings.nearest;
  return cover && read(cover, request, 'Byte', nearest ? resamplings.nearest : resamplings.average);
}

/** Samples of 32-bit floats hold the nodata value as such a float. */
function storedNodata(band: RasterBand, values: Samples): number | null {
  const nodata = band.noDataValue;
  return nodata !== null && values instanceof Float32Array ? Math.fround(nodata) : nodata;
}
