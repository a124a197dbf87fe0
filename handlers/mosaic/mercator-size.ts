import type { Gdal } from '../../core/ports/gdal.ts';
import { mercatorHalf } from '../raster/cylinder.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import type { MercatorSize } from './tile-grid.ts';

type Point = readonly [number, number];
type Grid = Pick<RasterFacts, 'width' | 'height' | 'geoTransform'>;

/** Steps along a side, as in GDALSuggestedWarpOutput2. */
const steps = 20;
const sampled = (steps + 1) ** 2;

/**
 * The size that GDAL suggests for a raster in Web Mercator, told from points of its grid: the file is not opened. Null
 * for one that Web Mercator does not show.
 */
export async function mercatorSize(gdal: Gdal, crs: string, grid: Grid): Promise<MercatorSize | null> {
  return suggested(grid, inOnePiece(await gdal.transformPoints(crs, 'EPSG:3857', samplePoints(grid))));
}

/** Metres round the globe. */
const turn = 2 * mercatorHalf;

/** GDAL takes a raster over the antimeridian for one as wide as the globe; here its western part follows on its eastern. */
function inOnePiece(points: readonly (Point | null)[]): readonly (Point | null)[] {
  const moved = points.map((point): Point | null => point && [point[0] < 0 ? point[0] + turn : point[0], point[1]]);
  return hasJump(points) && !hasJump(moved) ? moved : points;
}

/** Between neighbours in a row. */
function hasJump(points: readonly (Point | null)[]): boolean {
  return points.some((point, index) => {
    const before = index % (steps + 1) === 0 ? null : points[index - 1];
    return point && before && Math.abs(point[0] - before[0]) > turn / 2;
  });
}

/** Row by row from the upper left corner to the lower right one. */
function samplePoints({ width, height, geoTransform: g }: Grid): Point[] {
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0] = g;
  return Array.from({ length: sampled }, (_, index): Point => {
    const [c, r] = [((index % (steps + 1)) / steps) * width, (Math.floor(index / (steps + 1)) / steps) * height];
    return [g0 + c * g1 + r * g2, g3 + c * g4 + r * g5];
  });
}

/** The diagonal spread over as many pixels as the raster's own diagonal has. */
function suggested({ width, height }: Grid, points: readonly (Point | null)[]): MercatorSize | null {
  const there = points.filter((point) => point !== null);
  const [dx, dy] = [spread(there.map(([x]) => x)), spread(there.map(([, y]) => y))];
  const resolution = (diagonalOf(points) ?? Math.hypot(dx, dy)) / Math.hypot(width, height);
  if (!(resolution > 0 && Number.isFinite(resolution))) return null;
  return { width: Math.round(dx / resolution), height: Math.round(dy / resolution), resolution };
}

/** Between the first and the last corner; null where one of them is no help. */
function diagonalOf(points: readonly (Point | null)[]): number | null {
  const [first, last] = [points.at(0), points.at(-1)];
  if (!first || !last || first[0] === last[0] || first[1] === last[1]) return null;
  return Math.hypot(last[0] - first[0], last[1] - first[1]);
}

function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}
