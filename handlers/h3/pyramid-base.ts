import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler } from '../../core/handler.ts';
import { baseCells, cellsBelow, indexOf } from './cells.ts';
import { landMap, landSource } from './land-source.ts';
import { baseCellsOfArea, gridOf, gridPrefix, pyramidBase } from './pyramid.ts';
import { storeCells } from './store-cells.ts';

export const areaFilter = z.object({
  country: z.string().nullable(),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]).nullable(),
});

/** Finds and stores the cells of resolution 2 that the pyramid stands on. */
export const makePyramidBase = defineHandler('h3_pyramid_base', {
  description: 'Finds the cells of resolution 2 on the land of an area',
  input: z.object({ land_source: landSource, area: areaFilter }),
  output: z.object({ base_cells: z.array(z.string()) }),
  async run({ land_source, area }, context) {
    const map = await landMap(context, land_source);
    const world = baseCells().flatMap((cell) => [...cellsBelow(cell, pyramidBase, 0)]);
    const base_cells = baseCellsOfArea(map, area, world);
    if (base_cells.length === 0) throw new CoreMachineError('GRID_EMPTY', 'there is no land in this area');
    const gridId = gridOf(gridPrefix(area), pyramidBase);
    const { grids } = context.services;
    for (const cell of base_cells) {
      await storeCells(grids, { gridId, cell, own: pyramidBase, resolution: pyramidBase, coarser: null, map });
    }
    const kept = base_cells.map((cell) => ({ first: indexOf(cell), last: indexOf(cell) }));
    await grids.keepOnly(gridId, kept);
    return { base_cells };
  },
});
