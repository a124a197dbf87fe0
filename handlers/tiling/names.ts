import { temporaryBlobs } from '../../core/temporary-blobs.ts';
import { stemOf } from '../raster/names.ts';

/** Container of tiling schemes, and of windows on their way to a COG. */
export const tilesContainer = 'silver-tiles';

export function schemeBlobName(source: { readonly blobName: string; readonly subdataset: string | null }): string {
  return `${stemOf(source)}_tiling_scheme.geojson`;
}

/** Windows of sources that GDAL reads slowly in parts, from when they are cut until they are COGs. */
export const windows = temporaryBlobs({ container: tilesContainer, prefix: 'work/' });

/** `folder` ends with a slash. */
export function windowBlobName(folder: string, tileId: string): string {
  return `${folder}${tileId}.tif`;
}
