import {
  cellToBoundary,
  cellToCenterChild,
  cellToParent,
  getBaseCellNumber,
  getRes0Cells,
  uncompactCells,
} from 'h3-js';
import type { GridRange } from '../../core/ports/grid-store.ts';
import type { Point, Polygon } from '../stac/footprint/geometry.ts';
import { cutAtAntimeridian, unwrapped } from '../stac/footprint/globe.ts';

/** Cells of the whole world: 2 + 120 x 7^resolution. */
export function worldCells(resolution: number): number {
  return 2 + 120 * 7 ** resolution;
}

/** The 122 cells of resolution 0, by their number. */
export function baseCells(): readonly string[] {
  return [...getRes0Cells()].sort((a, b) => getBaseCellNumber(a) - getBaseCellNumber(b));
}

/** All cells of a resolution below a cell, itself at its own; one parent's at a time, so that they need no room. */
export function* cellsBelow(cell: string, resolution: number, own: number): Generator<string> {
  const step = Math.min(resolution, own + 4);
  for (const child of uncompactCells([cell], step)) {
    if (step === resolution) yield child;
    else yield* cellsBelow(child, resolution, step);
  }
}

export function indexOf(cell: string): bigint {
  return BigInt(`0x${cell}`);
}

export function parentOf(cell: string, resolution: number): bigint {
  return indexOf(cellToParent(cell, resolution));
}

/**
 * First and last index of the cells of a resolution below a cell. In an index each resolution has three bits, 0 to 6, after
 * those of the coarser ones (H3's index layout), so they are a range that no other cell of that resolution is in.
 */
export function rangeBelow(cell: string, resolution: number, own: number): Pick<GridRange, 'first' | 'last'> {
  const first = indexOf(cellToCenterChild(cell, resolution));
  let last = first;
  for (let level = own + 1; level <= resolution; level += 1) last |= 6n << BigInt(3 * (15 - level));
  return { first, last };
}

export interface CellShape {
  /** Polygons within [-180, 180]. */
  readonly parts: readonly Polygon[];
  /** The antimeridian goes through the cell, or a pole lies in it. */
  readonly crossesAntimeridian: boolean;
}

/** A cell's outline; one that crosses the antimeridian is cut there, one around a pole is closed along it. */
export function shapeOf(cell: string): CellShape {
  const ring = cellToBoundary(cell, true).slice(0, -1) as Point[];
  const longitudes = ring.map(([x]) => x);
  const crossesAntimeridian = Math.max(...longitudes) - Math.min(...longitudes) > 180;
  const parts = crossesAntimeridian ? cutAtAntimeridian([unwrapped(ring)]) : [[ring]];
  return { parts, crossesAntimeridian };
}
