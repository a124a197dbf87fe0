import { temporaryBlobs } from '../../core/temporary-blobs.ts';
import { inFolder, stemOf } from '../raster/names.ts';

/** Container of tiling schemes, and of windows on their way to a COG. */
export const tilesContainer = 'silver-tiles';

/** `[{folder}/]{stem}_tiling_scheme.geojson`, beside which nothing else has the folder and stem of its COGs. */
export function schemeBlobName(source: {
  readonly blobName: string;
  readonly subdataset: string | null;
  readonly folder: string | null;
}): string {
  return `${inFolder(source.folder)}${stemOf(source)}_tiling_scheme.geojson`;
}

/** Windows of sources that GDAL reads slowly in parts, from when they are cut until they are COGs. */
export const windows = temporaryBlobs({ container: tilesContainer, prefix: 'work/' });

/** `folder` ends with a slash. */
export function windowBlobName(folder: string, tileId: string): string {
  return `${folder}${tileId}.tif`;
}
