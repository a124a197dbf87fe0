import type { JobInfo } from '../../core/job.ts';
import { stemOf } from '../raster/names.ts';

/** Container of tiling schemes, and of windows on their way to a COG. */
export const tilesContainer = 'silver-tiles';

export function schemeBlobName(source: { readonly blobName: string; readonly subdataset: string | null }): string {
  return `${stemOf(source)}_tiling_scheme.geojson`;
}

/** Before the job's id, in the names of what a job keeps in blob storage while it runs. */
export const workPrefix = 'work/';

/** Each run has its own: what a run left is gone when the next one begins. */
export function windowsFolder({ id, run }: JobInfo): string {
  return `${workPrefix}${id}/run-${run}`;
}

export function windowBlobName(folder: string, tileId: string): string {
  return `${folder}/${tileId}.tif`;
}
