import { z } from 'zod';
import { defineHandler } from '../../core/handler.ts';
import type { GridCell } from '../../core/ports/grid-store.ts';
import { cellsBelow, indexOf, parentOf, rangeBelow, shapeOf } from './cells.ts';
import { cellsStored } from './schemas.ts';

/** Stores all cells of a resolution below one base cell. */
export const generateGrid = defineHandler('h3_generate_grid', {
  description: 'Stores the cells of a grid below one base cell',
  input: z.object({
    grid_id: z.string(),
    base_cell: z.string(),
    resolution: z.int().min(0).max(15),
    exclude_antimeridian: z.boolean(),
  }),
  output: cellsStored,
  async run({ grid_id: gridId, base_cell, resolution, exclude_antimeridian }, { services }) {
    let all = 0;
    function* cells(): Generator<GridCell> {
      all = 0;
      for (const cell of cellsBelow(base_cell, resolution, 0)) {
        all += 1;
        const { parts, crossesAntimeridian } = shapeOf(cell);
        if (exclude_antimeridian && crossesAntimeridian) continue;
        const parent = resolution === 0 ? null : parentOf(cell, resolution - 1);
        yield { index: indexOf(cell), parent, parts, isLand: null, countryCode: null };
      }
    }
    const range = { gridId, resolution, ...rangeBelow(base_cell, resolution, 0) };
    const stored = await services.grids.replaceCells(range, { [Symbol.iterator]: cells });
    return { cells: stored, excluded: all - stored };
  },
});
