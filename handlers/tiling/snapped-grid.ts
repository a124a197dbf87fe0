import type { Box, TargetGrid } from '../raster/target-grid.ts';

/** A north-up grid of pixels. `dx` and `dy` are the sides of a pixel, both positive; rows run down from `top`. */
export interface PixelGrid {
  readonly left: number;
  readonly top: number;
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly height: number;
}

/** Bits of a double's mantissa. */
const mantissaBits = 53;
/** Of the pixel's side; fewer only where the grid's numbers are large. 26 bits move the far edge of 40,000 px by 0.0006 px. */
const mostSideBits = 26;
/** Of a pixel: less than this beyond a grid line is rounding. */
const tolerance = 1e-6;

/**
 * A grid that covers `bounds` and whose lines lie at whole multiples of the pixel's side, a number of few bits. Then
 * every edge and every centre of a pixel is exact in floating point, whether counted from the grid's corner or from
 * that of a window of it: a window's pixels get the very coordinates that they have in the whole grid. Upright lines are
 * counted from `origin`, where one is to lie: 0, or an x within the grid, whose last bit is no finer than theirs.
 */
export function snappedGrid({ bounds, width, height }: TargetGrid, origin = 0): PixelGrid {
  const [left, bottom, right, top] = bounds;
  const horizontal = snappedAxis(left, right, width, origin);
  const vertical = snappedAxis(bottom, top, height, 0);
  return {
    left: origin + horizontal.first * horizontal.side,
    top: vertical.last * vertical.side,
    dx: horizontal.side,
    dy: vertical.side,
    width: horizontal.last - horizontal.first,
    height: vertical.last - vertical.first,
  };
}

/** `first` and `last` are the numbers of the grid lines at the ends, counted from `origin` in units of `side`. */
function snappedAxis(from: number, to: number, count: number, origin: number) {
  const wanted = (to - from) / count;
  const furthest = Math.max(Math.abs(from), Math.abs(to)) / wanted + 2;
  // One bit for the halves of pixels, in which their centres lie.
  const bits = Math.min(mostSideBits, mantissaBits - 1 - Math.ceil(Math.log2(furthest)));
  const side = roundedTo(wanted, Math.max(1, bits));
  const first = Math.floor((from - origin) / side + tolerance);
  const last = Math.max(first + 1, Math.ceil((to - origin) / side - tolerance));
  return { first, last, side };
}

/** The nearest number with so many significant bits. */
export function roundedTo(value: number, bits: number): number {
  const unit = 2 ** (Math.floor(Math.log2(value)) + 1 - bits);
  return Math.round(value / unit) * unit;
}

/** A grid as it is: pixels that are not resampled keep their place. */
export function givenGrid({ bounds, width, height }: TargetGrid): PixelGrid {
  const [left, bottom, right, top] = bounds;
  return { left, top, dx: (right - left) / width, dy: (top - bottom) / height, width, height };
}

/** A rectangle of whole pixels of a grid, counted from its upper left corner. */
export interface GridWindow {
  readonly column: number;
  readonly row: number;
  readonly width: number;
  readonly height: number;
}

/** [min x, min y, max x, max y] of a window; neighbours get the same number for the edge they share. */
export function boundsOfWindow(grid: PixelGrid, window: GridWindow): Box {
  const { left, top, dx, dy } = grid;
  const x = (column: number) => left + column * dx;
  const y = (row: number) => top - row * dy;
  return [x(window.column), y(window.row + window.height), x(window.column + window.width), y(window.row)];
}
