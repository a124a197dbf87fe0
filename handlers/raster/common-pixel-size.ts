import type { Gdal } from '../../core/ports/gdal.ts';
import type { StageResult } from '../../core/results.ts';
import { cylinderOf } from './cylinder.ts';
import { type SampledGrid, stepCount, stepPoints, stepsOf, suitedPixel } from './pixel-steps.ts';
import type { ValidateRasterOutput } from './schemas.ts';

type Tile = Pick<ValidateRasterOutput, 'source_crs' | 'shape' | 'bounds' | 'geo_transform'>;
type PixelSize = [number, number];

/** Tiles of one class have pixels of at most so many times the finest ones'. */
const mostRefinement = 1.5;
/** Pixels looked at across a tile, and down. */
const perSide = 2;

/**
 * The pixel size that tiles of about the same resolution share in a target CRS: the finest of theirs. Warped each on a
 * grid of its own, neighbours leave gaps of a pixel between them. Undefined for a tile that is not warped.
 */
export async function commonPixelSize(
  gdal: Gdal,
  tiles: AsyncIterable<StageResult<ValidateRasterOutput>>,
  targetCrs: string,
): Promise<(tile: Tile) => PixelSize | undefined> {
  const byCrs = new Map<string, Tile[]>();
  for await (const { output } of tiles) {
    const { source_crs, shape, bounds, geo_transform } = output;
    if (source_crs === targetCrs) continue;
    const others = byCrs.get(source_crs) ?? [];
    others.push({ source_crs, shape, bounds, ...(geo_transform && { geo_transform }) });
    byCrs.set(source_crs, others);
  }
  const cylinder = byCrs.size > 0 ? await cylinderOf(gdal, targetCrs) : null;
  const sizes = new Map<string, PixelSize>();
  for (const [crs, group] of byCrs) {
    const points = group.flatMap((tile) => stepPoints(gridOf(tile), perSide));
    const placed = await gdal.transformPoints(crs, targetCrs, points);
    const count = stepCount(perSide);
    group.forEach((tile, index) => {
      const steps = stepsOf(gridOf(tile), placed.slice(count * index, count * (index + 1)), cylinder);
      const [dx, dy] = steps ? suitedPixel(steps, cylinder) : [0, 0];
      if (dx > 0 && dy > 0) sizes.set(keyOf(tile), [dx, dy]);
    });
  }
  const shared = sharedSizes([...sizes.values()]);
  return (tile) => {
    const size = sizes.get(keyOf(tile));
    return size && shared.get(size);
  };
}

function keyOf({ source_crs, shape, bounds, geo_transform }: Tile): string {
  return [source_crs, ...shape, ...(geo_transform ?? bounds)].join();
}

/** Upright where all that is known is the bounds. */
function gridOf({ shape: [height, width], bounds, geo_transform }: Tile): SampledGrid {
  const [left = 0, bottom = 0, right = 0, top = 0] = bounds;
  const upright = [left, (right - left) / width, 0, top, 0, (bottom - top) / height];
  return { width, height, geoTransform: geo_transform ?? upright };
}

/** What each shares with the others of its class; squares and others are no class. */
function sharedSizes(sizes: readonly PixelSize[]): Map<PixelSize, PixelSize> {
  const shared = new Map<PixelSize, PixelSize>();
  const isSquare = ([dx, dy]: PixelSize) => dx === dy;
  const kinds = [sizes.filter(isSquare), sizes.filter((size) => !isSquare(size))];
  for (const some of kinds.flatMap((kind) => classesOf(kind.toSorted(([, a], [, b]) => a - b)))) {
    // Not by Math.min(...): a hundred thousand arguments do not fit on the stack.
    const finest = some.reduce(([dx, dy], size) => [Math.min(dx, size[0]), Math.min(dy, size[1])]);
    for (const size of some) shared.set(size, finest);
  }
  return shared;
}

/** Cut at the widest gaps between sizes in order, until the pixels of each class are alike. */
function classesOf(ordered: readonly PixelSize[]): (readonly PixelSize[])[] {
  const classes: (readonly PixelSize[])[] = [];
  const open = [ordered];
  for (let some = open.pop(); some; some = open.pop()) {
    const heights = some.map(([, dy]) => dy);
    const [least = 0, most = 0] = [heights[0], heights.at(-1)];
    if (most <= least * mostRefinement) {
      if (some.length > 0) classes.push(some);
      continue;
    }
    const gaps = heights.map((height, index) => (index === 0 ? 0 : height / (heights[index - 1] ?? height)));
    const widest = gaps.reduce((best, gap, index) => (gap > (gaps[best] ?? 0) ? index : best), 1);
    open.push(some.slice(0, widest), some.slice(widest));
  }
  return classes;
}
