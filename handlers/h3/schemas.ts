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

/** What a job that made one grid says of it. */
export const gridResult = z.object({
  job_id: z.string(),
  status: z.literal('completed'),
  ...gridStac.pick({ grid_id: true, total_cells: true, excluded_cells: true, bbox: true }).shape,
  postgis_table: z.string(),
  ogc_features_url: z.string().nullable(),
  stac_item_id: z.string(),
  performance: z.object({ processing_time_seconds: z.number(), cells_per_second: z.int() }),
});

export type GridResult = z.output<typeof gridResult>;
export type GridStac = z.output<typeof gridStac>;
