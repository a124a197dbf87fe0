import type { StageRecord } from '../../core/ports/state-store.ts';
import type { GridResult, GridStac } from './schemas.ts';

/** The result of a job that made one grid. */
export function gridSummary(jobId: string, grid: GridStac, stages: readonly StageRecord[]): GridResult {
  const seconds = secondsOf(stages);
  return {
    job_id: jobId,
    status: 'completed',
    grid_id: grid.grid_id,
    total_cells: grid.total_cells,
    excluded_cells: grid.excluded_cells,
    bbox: grid.bbox,
    postgis_table: 'h3.grids',
    ogc_features_url: grid.ogc_features_url,
    stac_item_id: grid.stac_item_id,
    performance: {
      processing_time_seconds: Math.round(seconds * 100) / 100,
      cells_per_second: Math.round(grid.total_cells / Math.max(seconds, 0.01)),
    },
  };
}

/** From the start of the first stage to the end of the last. */
function secondsOf(stages: readonly StageRecord[]): number {
  const starts = stages.map(({ startedAt }) => startedAt.getTime());
  const ends = stages.map(({ startedAt, completedAt }) => (completedAt ?? startedAt).getTime());
  return (Math.max(...ends) - Math.min(...starts)) / 1000;
}
