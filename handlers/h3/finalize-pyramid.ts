import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineFanInHandler } from '../../core/handler.ts';
import { cascade } from './cascade.ts';
import { rangeBelow } from './cells.ts';
import { catalogueGrid } from './grid-item.ts';
import { gridOf, pyramidBase } from './pyramid.ts';

/** Removes what an earlier pyramid of other land left, counts, looks for every parent, and catalogues the grids. */
export const finalizePyramid = defineFanInHandler('h3_finalize_pyramid', {
  description: 'Checks and catalogues the grids of a pyramid',
  input: z.object({ grid_id_prefix: z.string(), base_cells: z.array(z.string()), resolutions: z.array(z.int()) }),
  previous: cascade.output,
  output: z.object({ resolution_stats: z.record(z.string(), z.int()), stac_item_ids: z.array(z.string()) }),
  limits: { timeoutSeconds: 3600 },
  async run({ grid_id_prefix, base_cells, resolutions }, previous, { services, progress }) {
    const stored = new Map<string, number>();
    for await (const { output } of previous) {
      for (const [resolution, count] of Object.entries(output.cells)) {
        stored.set(resolution, (stored.get(resolution) ?? 0) + count);
      }
    }
    const stac_item_ids: string[] = [];
    let coarser = gridOf(grid_id_prefix, pyramidBase);
    for (const [index, resolution] of resolutions.entries()) {
      const gridId = gridOf(grid_id_prefix, resolution);
      const ranges = base_cells.map((cell) => rangeBelow(cell, resolution, pyramidBase));
      await services.grids.keepOnly(gridId, ranges);
      const { itemId, cells } = await catalogueGrid(
        services,
        gridId,
        `H3 pyramid ${grid_id_prefix}, resolution ${resolution}`,
      );
      const missing = await services.grids.missingParents(gridId, coarser);
      if (cells !== stored.get(String(resolution)) || missing > 0) {
        throw new CoreMachineError('GRID_INCOMPLETE', `${gridId}: ${cells} cells, ${missing} of them without a parent`);
      }
      stac_item_ids.push(itemId);
      coarser = gridId;
      progress((index + 1) / resolutions.length);
    }
    return { resolution_stats: Object.fromEntries(stored), stac_item_ids };
  },
});
