import type { Gdal } from '../../core/ports/gdal.ts';
import type { StageResult } from '../../core/results.ts';
import type { ValidateRasterOutput } from './schemas.ts';

type Tile = Pick<ValidateRasterOutput, 'source_crs' | 'shape' | 'bounds'>;
type PixelSize = [number, number];

/** Tiles whose pixels would be more than so many times the finest ones' keep a size of their own. */
const mostRefinement = 1.5;

/**
 * The pixel size that tiles of a collection share in a target CRS: the finest of theirs. Warped each on a grid of its own,
 * neighbours leave gaps of a pixel between them. Undefined for a tile that is not warped, or is much coarser.
 */
export async function commonPixelSize(
  gdal: Gdal,
  tiles: AsyncIterable<StageResult<ValidateRasterOutput>>,
  targetCrs: string,
): Promise<(tile: Tile) => PixelSize | undefined> {
  const byCrs = new Map<string, Tile[]>();
  for await (const { output } of tiles) {
    const { source_crs, shape, bounds } = output;
    if (source_crs === targetCrs) continue;
    const others = byCrs.get(source_crs) ?? [];
    others.push({ source_crs, shape, bounds });
    byCrs.set(source_crs, others);
  }
  const sides = new Map<string, number>();
  for (const [crs, group] of byCrs) {
    const placed = await gdal.transformPoints(crs, targetCrs, group.flatMap(diagonal));
    group.forEach((tile, index) => {
      const side = sideOf(tile, placed.slice(2 * index, 2 * index + 2));
      if (side !== null) sides.set(keyOf(tile), side);
    });
  }
  // Not by Math.min(...): a hundred thousand arguments do not fit on the stack.
  const finest = [...sides.values()].reduce((least, side) => Math.min(least, side), Number.POSITIVE_INFINITY);
  return (tile) => {
    const side = sides.get(keyOf(tile));
    return side !== undefined && side <= finest * mostRefinement ? [finest, finest] : undefined;
  };
}

function keyOf({ source_crs, shape, bounds }: Tile): string {
  return [source_crs, ...shape, ...bounds].join();
}

/** Upper left and lower right. */
function diagonal({ bounds }: Tile): (readonly [number, number])[] {
  const [left = 0, bottom = 0, right = 0, top = 0] = bounds;
  return [
    [left, top],
    [right, bottom],
  ];
}

/** As GDAL suggests it: the diagonal keeps its number of pixels. */
function sideOf({ shape: [height, width] }: Tile, ends: readonly (readonly [number, number] | null)[]): number | null {
  const [from, to] = ends;
  if (!from || !to) return null;
  const side = Math.hypot(to[0] - from[0], to[1] - from[1]) / Math.hypot(width, height);
  return side > 0 && Number.isFinite(side) ? side : null;
}
