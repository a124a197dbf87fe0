import { cellToLatLng } from 'h3-js';
import { z } from 'zod';
import { defineHandler } from '../../core/handler.ts';
import type { GridCell } from '../../core/ports/grid-store.ts';
import { cellsBelow, indexOf, parentOf, rangeBelow, shapeOf } from './cells.ts';
import { landMap, landSource } from './land-source.ts';
import { cellsStored } from './schemas.ts';

export const landResolution = 4;

/**
 * Stores the land cells of resolution 4 below one base cell: those whose centre lies on land. Each centre is looked up by
 * itself: h3's own filling of polygons takes those wider than 180 degrees for ones across the antimeridian.
 */
export const landRes4 = defineHandler('h3_land_res4', {
  description: 'Stores the land cells of resolution 4 below one base cell',
  input: z.object({ grid_id: z.string(), base_cell: z.string(), land_source: landSource }),
  output: cellsStored,
  async run({ grid_id: gridId, base_cell, land_source }, context) {
    const { land, countries } = await landMap(context, land_source);
    function* cells(): Generator<GridCell> {
      for (const cell of cellsBelow(base_cell, landResolution, 0)) {
        const [latitude, longitude] = cellToLatLng(cell);
        if (!land.at(longitude, latitude)) continue;
        const countryCode = countries.at(longitude, latitude)?.countryCode ?? null;
        const parent = parentOf(cell, landResolution - 1);
        yield { index: indexOf(cell), parent, parts: shapeOf(cell).parts, isLand: true, countryCode };
      }
    }
    const range = { gridId, resolution: landResolution, ...rangeBelow(base_cell, landResolution, 0) };
    return {
      cells: await context.services.grids.replaceCells(range, { [Symbol.iterator]: cells }),
      excluded: 0,
    };
  },
});
