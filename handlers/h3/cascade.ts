import { z } from 'zod';
import { defineHandler } from '../../core/handler.ts';
import { landMap, landSource } from './land-source.ts';
import { gridOf, pyramidBase } from './pyramid.ts';
import { storeCells } from './store-cells.ts';

/** Stores what lies below some base cells, resolution by resolution. */
export const cascade = defineHandler('h3_cascade', {
  description: 'Stores the cells of all resolutions of a pyramid below some base cells',
  input: z.object({
    grid_id_prefix: z.string(),
    base_cells: z.array(z.string()),
    /** Ascending. */
    resolutions: z.array(z.int()),
    land_source: landSource,
  }),
  output: z.object({ cells: z.record(z.string(), z.int()) }),
  limits: { timeoutSeconds: 3600 },
  async run({ grid_id_prefix, base_cells, resolutions, land_source }, context) {
    const map = await landMap(context, land_source);
    const stored = new Map<number, number>();
    for (const [index, cell] of base_cells.entries()) {
      let coarser = pyramidBase;
      for (const resolution of resolutions) {
        context.signal.throwIfAborted();
        const gridId = gridOf(grid_id_prefix, resolution);
        const what = { gridId, cell, own: pyramidBase, resolution, coarser, map };
        const count = await storeCells(context.services.grids, what);
        stored.set(resolution, (stored.get(resolution) ?? 0) + count);
        coarser = resolution;
      }
      context.progress((index + 1) / base_cells.length);
    }
    return { cells: Object.fromEntries(stored) };
  },
});
