import { z } from 'zod';
import { defineJob } from '../core/job.ts';
import { baseCells } from '../handlers/h3/cells.ts';
import { createGridStac } from '../handlers/h3/create-grid-stac.ts';
import { gridSummary } from '../handlers/h3/grid-summary.ts';
import { landRes4, landResolution } from '../handlers/h3/land-res4.ts';
import { landSource, requireLandSource } from '../handlers/h3/land-source.ts';
import { gridResult } from '../handlers/h3/schemas.ts';

const grid = { id: 'land_res4', title: 'H3 cells on land, resolution 4' } as const;

const result = gridResult.omit({ excluded_cells: true }).extend({ resolution: z.int(), land_cells: z.int() });

/** The H3 cells of resolution 4 whose centre lies on land. */
export const generateH3Level4 = defineJob('generate_h3_level4', {
  description: 'A grid of the H3 cells of resolution 4 on land, in PostGIS',
  parameters: z.object({ land_source: landSource }),
  checkResources: ({ land_source }, services) => requireLandSource(services, land_source),
})
  .stage('land_res4', landRes4, ({ params: { land_source } }) =>
    baseCells().map((base_cell) => ({ key: base_cell, input: { grid_id: grid.id, base_cell, land_source } })),
  )
  .fanIn('create_stac', createGridStac, () => ({ grid_id: grid.id, title: grid.title }))
  .finalize(result, async ({ job, results, stages }) => {
    const { excluded_cells: _none, ...summary } = gridSummary(job.id, await results.create_stac.only(), stages);
    return { ...summary, resolution: landResolution, land_cells: summary.total_cells };
  });
