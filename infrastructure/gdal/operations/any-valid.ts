import type { RasterBand } from 'gdal-async';
import type { PixelRequest } from '../protocol.ts';
import { maskFlags } from './band-statistics.ts';

/** The mask is looked over in blocks of so many of its pixels a side: only those with a gap are read. */
const blockSide = 32;
/** Pixels of the raster, or of its overview, that are looked at for a mask. */
const mostPixels = { local: 64 * 1024 * 1024, remote: 4 * 1024 * 1024 } as const;

type Window = readonly [left: number, top: number, width: number, height: number];

/**
 * Fills the gaps of a reduced mask, which has every n-th pixel, where any pixel between has data. Of a raster with too
 * many pixels the largest overview that has few enough tells; without one nothing is filled.
 */
export async function fillMask(mask: Uint8Array, bands: readonly RasterBand[], request: PixelRequest): Promise<void> {
  const most = request.path.includes('/vsi') ? mostPixels.remote : mostPixels.local;
  const level = levelOf(masksOf(bands), most);
  const [first] = level;
  if (!first || (first.size.x <= request.width && first.size.y <= request.height)) return;
  for (let top = 0; top < request.height; top += blockSide) {
    for (let left = 0; left < request.width; left += blockSide) {
      const block = blockOf(left, top, request);
      if (hasGap(mask, block, request.width)) await fillBlock(mask, block, level, request);
    }
  }
}

/** The bands, or one of them where all have one mask and nothing else makes a pixel invalid. */
function masksOf(bands: readonly RasterBand[]): readonly RasterBand[] {
  const [first] = bands;
  const shared = first && (first.getMaskFlags() & (maskFlags.perDataset | maskFlags.nodata)) === maskFlags.perDataset;
  return shared && !first.dataType?.startsWith('Float') ? [first] : bands;
}

/** The bands, or their largest overviews with few enough pixels. */
function levelOf(bands: readonly RasterBand[], most: number): readonly RasterBand[] {
  const fits = ({ size }: RasterBand) => size.x * size.y <= most;
  if (bands.every(fits)) return bands;
  const levels = bands.map((band) => band.overviews.map((overview) => overview).find(fits));
  const found = levels.filter((level) => level !== undefined);
  return found.length === bands.length ? found : [];
}

function blockOf(left: number, top: number, { width, height }: PixelRequest): Window {
  return [left, top, Math.min(blockSide, width - left), Math.min(blockSide, height - top)];
}

function hasGap(mask: Uint8Array, [left, top, width, height]: Window, stride: number): boolean {
  for (let row = top; row < top + height; row += 1) {
    if (mask.subarray(row * stride + left, row * stride + left + width).includes(0)) return true;
  }
  return false;
}

async function fillBlock(
  mask: Uint8Array,
  [left, top, width, height]: Window,
  level: readonly RasterBand[],
  request: PixelRequest,
): Promise<void> {
  for (const band of level) {
    const across = request.width / band.size.x;
    const down = request.height / band.size.y;
    const [x, y] = [Math.floor(left / across), Math.floor(top / down)];
    const window: Window = [
      x,
      y,
      Math.min(band.size.x, Math.ceil((left + width) / across)) - x,
      Math.min(band.size.y, Math.ceil((top + height) / down)) - y,
    ];
    const valid = await validIn(band, window);
    for (let row = 0; row < window[3]; row += 1) {
      const start = Math.min(request.height - 1, Math.floor((y + row + 0.5) * down)) * request.width;
      for (let column = 0; column < window[2]; column += 1) {
        if (!valid(row * window[2] + column)) continue;
        mask[start + Math.min(request.width - 1, Math.floor((x + column + 0.5) * across))] = 255;
      }
    }
  }
}

/** Whether the pixel at an index of the window has data. Not a number is none. */
async function validIn(band: RasterBand, window: Window): Promise<(index: number) => boolean> {
  const flags = band.getMaskFlags();
  const floats = band.dataType?.startsWith('Float') ?? false;
  const cover = (flags & maskFlags.perDataset) !== 0 ? band.getMaskBand() : null;
  const masked = cover && (await read(cover, window, 'Byte'));
  const values = floats || (flags & maskFlags.nodata) !== 0 ? await read(band, window, 'Float64') : null;
  const nodata = (flags & maskFlags.nodata) !== 0 ? band.noDataValue : null;
  const stored = nodata !== null && band.dataType === 'Float32' ? Math.fround(nodata) : nodata;
  return (index) => {
    if (masked && masked[index] === 0) return false;
    const value = values?.[index];
    return values === null || (value !== undefined && value !== stored && !Number.isNaN(value));
  };
}

function read(band: RasterBand, window: Window, type: string): Promise<ArrayLike<number>> {
  return band.pixels.readAsync<never>(...window, undefined, { data_type: type });
}
