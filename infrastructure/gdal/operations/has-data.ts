import type { Dataset, RasterBand } from 'gdal-async';
import type { OperationContext } from './perform.ts';
import { withPixels } from './source.ts';

/** Pixels along a side that are looked at. */
const side = 5;
type Place = readonly [across: number, down: number];
/**
 * As fractions of the sides: the last pixel, which a truncated PNG or JPEG does not have, then a grid from its middle on.
 */
const places: readonly Place[] = [[1, 1], ...gridPlaces()];

/**
 * One pixel after the other until one is valid in any band: of most rasters that is one block, and so one request to the
 * storage. Asked for all at once GDAL 3.6 fetches whatever lies between their blocks.
 */
export function hasData(path: string, context: OperationContext): Promise<boolean> {
  return withPixels(path, context, async (dataset) => {
    const bands = dataBands(dataset);
    for (const place of places) {
      for (const band of bands) if (await isValidAt(band, place)) return true;
    }
    return false;
  });
}

function gridPlaces(): Place[] {
  const along = Array.from({ length: side }, (_, index) => (index + 0.5) / side);
  const grid = along.flatMap((down) => along.map((across): Place => [across, down]));
  return grid.sort((one, other) => fromMiddle(one) - fromMiddle(other));
}

function fromMiddle([across, down]: Place): number {
  return Math.hypot(across - 0.5, down - 0.5);
}

/** As small as they are there. An alpha band is no data: it says where there is some. */
function dataBands({ bands }: Dataset): RasterBand[] {
  const all = Array.from({ length: bands.count() }, (_, index) => bands.get(index + 1));
  return all.filter((band) => band.colorInterpretation !== 'Alpha' || all.length === 1).map(smallest);
}

function smallest(band: RasterBand): RasterBand {
  const count = band.overviews.count();
  return count > 0 ? band.overviews.get(count - 1) : band;
}

async function isValidAt(band: RasterBand, [across, down]: Place): Promise<boolean> {
  const { x: width, y: height } = band.size;
  const [x, y] = [Math.min(Math.floor(across * width), width - 1), Math.min(Math.floor(down * height), height - 1)];
  const value = async (of: RasterBand | null) => {
    const [one] = (await of?.pixels.readAsync(x, y, 1, 1)) ?? [];
    return one;
  };
  const found = await value(band);
  // Not a number is no data, also where the dataset does not say so.
  if (found === undefined || Number.isNaN(found)) return false;
  return (await value(band.getMaskBand())) !== 0;
}
