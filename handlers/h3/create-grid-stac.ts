import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineFanInHandler } from '../../core/handler.ts';
import { catalogueGrid } from './grid-item.ts';
import { cellsStored, gridStac } from './schemas.ts';

/** Counts what lies in the table against what the tasks say they stored, and catalogues the grid. */
export const createGridStac = defineFanInHandler('h3_create_stac', {
  description: 'Checks and catalogues a grid',
  input: z.object({ grid_id: z.string(), title: z.string() }),
  previous: cellsStored,
  output: gridStac,
  async run({ grid_id, title }, previous, { services }) {
    let [stored, excluded] = [0, 0];
    for await (const { output } of previous) {
      stored += output.cells;
      excluded += output.excluded;
    }
    const { itemId, cells, bbox, featuresUrl } = await catalogueGrid(services, grid_id, title);
    if (cells !== stored) {
      throw new CoreMachineError('GRID_INCOMPLETE', `${cells} cells lie in ${grid_id}, ${stored} were stored`);
    }
    return {
      grid_id,
      total_cells: cells,
      excluded_cells: excluded,
      bbox: bbox && [...bbox],
      stac_item_id: itemId,
      ogc_features_url: featuresUrl,
    };
  },
});
