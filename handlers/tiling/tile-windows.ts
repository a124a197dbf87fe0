import type { TileWindow } from '../raster/cog-plan.ts';
import type { Tiling } from './schemas.ts';
import { boundsOfWindow, type GridWindow } from './snapped-grid.ts';
import type { Cut } from './tiles.ts';

export function cutOf({ grid, tile_size: tileSize, overlap, seam_column: seam }: Tiling): Cut {
  return { width: grid.width, height: grid.height, tileSize, overlap, seam };
}

/** A window of the tiling's grid as the planner of COGs takes it. */
export function tileWindowOf({ grid, scale }: Tiling, window: GridWindow) {
  const { column, row, width, height } = window;
  const [left, bottom, right, top] = boundsOfWindow(grid, window);
  const bounds: [number, number, number, number] = [left, bottom, right, top];
  return { bounds, column, row, width, height, scale } satisfies TileWindow;
}
