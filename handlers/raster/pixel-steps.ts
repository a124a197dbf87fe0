import type { RasterFacts } from '../stac/raster-facts.ts';
import type { Cylinder } from './cylinder.ts';
import { inOneWay } from './extent.ts';

type Point = readonly [number, number];
export type SampledGrid = Pick<RasterFacts, 'width' | 'height' | 'geoTransform'>;

/** How large the pixels of a raster are in another CRS, in its units. */
export interface PixelSteps {
  /** The side of a square pixel as GDAL suggests it: the raster's diagonal keeps its number of pixels. */
  readonly square: number;
  /** The least change of x and of y with one pixel, in whatever direction of the raster. */
  readonly finest: Point;
  /** The same of the pixel in the middle when they are put in order. */
  readonly usual: Point;
}

/** Steps along the diagonal: of a quarter of the globe at most, so that none can be taken for the other way round. */
const diagonalSteps = 4;

/** How many points `stepPoints` gives. */
export function stepCount(perSide: number): number {
  return diagonalSteps + 1 + 3 * perSide * perSide;
}

/** Points of the diagonal, and `perSide` x `perSide` pixels: the upper left corner, and those to the right of it and below. */
export function stepPoints({ width, height, geoTransform: g }: SampledGrid, perSide: number): Point[] {
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0] = g;
  const at = (column: number, row: number): Point => [g0 + column * g1 + row * g2, g3 + column * g4 + row * g5];
  const diagonal = Array.from({ length: diagonalSteps + 1 }, (_, index) => index / diagonalSteps);
  const pixels = Array.from({ length: perSide * perSide }, (_, index) => {
    const share = (place: number) => place / (perSide - 1);
    const column = share(index % perSide) * (width - 1);
    const row = share(Math.floor(index / perSide)) * (height - 1);
    return [at(column, row), at(column + 1, row), at(column, row + 1)];
  });
  return [...diagonal.map((t) => at(t * width, t * height)), ...pixels.flat()];
}

/** From `stepPoints` in the other CRS; null where they tell nothing. */
export function stepsOf(
  { width, height }: Pick<SampledGrid, 'width' | 'height'>,
  placed: readonly (Point | null)[],
  cylinder: Cylinder | null,
): PixelSteps | null {
  const turn = cylinder?.turn ?? Number.POSITIVE_INFINITY;
  const square = diagonalOf(placed.slice(0, diagonalSteps + 1), turn) / Math.hypot(width, height);
  const [xs, ys] = [alongAxis(placed, 0, turn), alongAxis(placed, 1, Number.POSITIVE_INFINITY)];
  const of = (place: number): Point => [xs[Math.floor(place * xs.length)] ?? 0, ys[Math.floor(place * ys.length)] ?? 0];
  const steps = { square, finest: of(0), usual: of(0.5) };
  return xs.length > 0 && ys.length > 0 ? steps : null;
}

/** NaN where an end has no place in the other CRS. */
function diagonalOf(points: readonly (Point | null)[], turn: number): number {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return Number.NaN;
  const there = points.filter((point) => point !== null);
  const x = inOneWay(
    there.map((point) => point[0]),
    turn,
  );
  return Math.hypot((x.at(-1) ?? 0) - (x[0] ?? 0), last[1] - first[1]);
}

/** The changes along an axis, from the least on. */
function alongAxis(placed: readonly (Point | null)[], axis: 0 | 1, turn: number): number[] {
  const pixels = placed.slice(diagonalSteps + 1);
  const steps: number[] = [];
  for (let index = 0; index + 2 < pixels.length; index += 3) {
    const [corner, right, below] = pixels.slice(index, index + 3);
    if (!corner || !right || !below) continue;
    const [here, across, down] = [corner, right, below].map((point) => point[axis]) as [number, number, number];
    const [, one = 0] = inOneWay([here, across], turn);
    const [, other = 0] = inOneWay([here, down], turn);
    const step = Math.hypot(one - here, other - here);
    if (step > 0 && Number.isFinite(step)) steps.push(step);
  }
  return steps.sort((a, b) => a - b);
}

/** A square pixel so many times the finest step loses what the raster shows. */
const mostCoarser = 4;

/** The pixel that suits the raster where y rises evenly: a square as GDAL's, or one that is narrower in one direction. */
export function suitedPixel({ square, finest }: PixelSteps, cylinder: Cylinder | null): Point {
  const isLost = cylinder?.rise === 'even' && !(square <= mostCoarser * Math.min(...finest));
  return isLost ? finest : [square, square];
}
