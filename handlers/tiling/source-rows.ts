import type { Gdal } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import type { GridWindow, PixelGrid } from './snapped-grid.ts';

/** Points along each side of the window at which the source's rows are looked up. */
const points = 65;
/** Rows of the source that a pixel's kernel may need beyond its own, for pixels of the same size; and some more. */
const kernelRows = 32;

export interface RowRange {
  readonly first: number;
  /** The one after the last. */
  readonly end: number;
}

/** The source's rows that a window of the target grid is made of, with a margin; all of them where that cannot be told. */
export async function sourceRows(
  gdal: Gdal,
  facts: RasterFacts,
  grid: PixelGrid,
  window: GridWindow,
  crs: { readonly grid: string; readonly source: string },
): Promise<RowRange> {
  const sampled = samplesOf(grid, window);
  const placed = crs.grid === crs.source ? sampled : await gdal.transformPoints(crs.grid, crs.source, sampled);
  const rows = placed.map((point) => point && rowOf(facts, point));
  const whole = { first: 0, end: facts.height };
  if (rows.some((row) => row === null || !Number.isFinite(row))) return whole;
  const known = rows.filter((row) => row !== null);
  const margin = Math.ceil(kernelRows * Math.max(1, facts.height / grid.height) + greatestStep(known));
  const first = Math.max(0, Math.floor(known.reduce((least, row) => Math.min(least, row))) - margin);
  const end = Math.min(facts.height, Math.ceil(known.reduce((most, row) => Math.max(most, row))) + margin);
  // A window beside the source needs none of it; one row is what can be read.
  return first < end ? { first, end } : { first: 0, end: 1 };
}

function samplesOf(grid: PixelGrid, window: GridWindow): [number, number][] {
  return Array.from({ length: points * points }, (_, index) => {
    const across = (index % points) / (points - 1);
    const down = Math.floor(index / points) / (points - 1);
    const column = window.column + across * window.width;
    const row = window.row + down * window.height;
    return [grid.left + column * grid.dx, grid.top - row * grid.dy];
  });
}

function rowOf({ geoTransform: g }: RasterFacts, [x, y]: readonly [number, number]): number {
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0] = g;
  return ((y - g3) * g1 - (x - g0) * g4) / (g1 * g5 - g2 * g4);
}

/** Between two sampled points the rows cannot go further than from one to the next. */
function greatestStep(rows: readonly number[]): number {
  const steps = rows.flatMap((row, index) => {
    const right = (index + 1) % points === 0 ? row : (rows[index + 1] ?? row);
    const below = rows[index + points] ?? row;
    return [Math.abs(row - right), Math.abs(row - below)];
  });
  return steps.reduce((most, step) => Math.max(most, step), 0);
}
