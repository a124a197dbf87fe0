import { z } from 'zod';
import { defineJob } from '../core/job.ts';
import { baseCells } from '../handlers/h3/cells.ts';
import { createGridStac } from '../handlers/h3/create-grid-stac.ts';
import { generateGrid } from '../handlers/h3/generate-grid.ts';
import { gridSummary } from '../handlers/h3/grid-summary.ts';
import { gridResult } from '../handlers/h3/schemas.ts';

const parameters = z.object({
  resolution: z.int().min(0).max(4).describe('H3 resolution; 122 cells at 0, 288,122 at 4.'),
  exclude_antimeridian: z
    .boolean()
    .default(true)
    .describe('true: leave out the cells that the antimeridian goes through; false: store them cut in two.'),
});

const result = gridResult.extend({ resolution: z.int() });

/** All H3 cells of the world at one resolution. */
export const createH3Base = defineJob('create_h3_base', {
  description: 'A grid of all H3 cells of the world at one resolution, in PostGIS',
  parameters,
})
  .stage('generate_grid', generateGrid, ({ params: { resolution, exclude_antimeridian } }) =>
    baseCells().map((base_cell) => ({
      key: base_cell,
      input: { grid_id: gridId(resolution), base_cell, resolution, exclude_antimeridian },
    })),
  )
  .fanIn('create_stac', createGridStac, ({ params: { resolution } }) => ({
    grid_id: gridId(resolution),
    title: `H3 cells of the world, resolution ${resolution}`,
  }))
  .finalize(result, async ({ params, job, results, stages }) => ({
    ...gridSummary(job.id, await results.create_stac.only(), stages),
    resolution: params.resolution,
  }));

function gridId(resolution: number): string {
  return `global_res${resolution}`;
}
