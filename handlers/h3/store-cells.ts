import { cellToLatLng } from 'h3-js';
import type { GridCell, GridStore } from '../../core/ports/grid-store.ts';
import { cellsBelow, indexOf, parentOf, rangeBelow, shapeOf } from './cells.ts';
import type { LandMap } from './land-source.ts';

export interface CellsBelow {
  readonly gridId: string;
  /** All cells of `resolution` below this one, whose own resolution is `own`. */
  readonly cell: string;
  readonly own: number;
  readonly resolution: number;
  /** Resolution of the parents; null: no parents. */
  readonly coarser: number | null;
  readonly map: LandMap;
}

/** Stores cells with their parents, whether they are land, and their countries. Answers how many. */
export function storeCells(
  grids: GridStore,
  { gridId, cell, own, resolution, coarser, map }: CellsBelow,
): Promise<number> {
  function* cells(): Generator<GridCell> {
    for (const one of cellsBelow(cell, resolution, own)) {
      const [latitude, longitude] = cellToLatLng(one);
      yield {
        index: indexOf(one),
        parent: coarser === null ? null : parentOf(one, coarser),
        parts: shapeOf(one).parts,
        isLand: map.land.at(longitude, latitude) !== undefined,
        countryCode: map.countries.at(longitude, latitude)?.countryCode ?? null,
      };
    }
  }
  const range = { gridId, resolution, ...rangeBelow(cell, resolution, own) };
  return grids.replaceCells(range, { [Symbol.iterator]: cells });
}
