import { z } from 'zod';

/** What one task stored of a grid. */
export const cellsStored = z.object({
  cells: z.int(),
  /** Left out because the antimeridian goes through them. */
  excluded: z.int(),
});

export const gridStac = z.object({
  grid_id: z.string(),
  total_cells: z.int(),
  excluded_cells: z.int(),
  bbox: z.array(z.number()).length(4).nullable(),
  stac_item_id: z.string(),
  ogc_features_url: z.string().nullable(),
});

export type GridStac = z.output<typeof gridStac>;
