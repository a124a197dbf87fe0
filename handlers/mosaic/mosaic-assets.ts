import { CoreMachineError } from '../../core/errors.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import type { CreateCogOutput } from '../raster/schemas.ts';
import type { Bbox, MosaicAsset } from './mosaic-json.ts';

/** What a mosaic must know of a COG, from what the task that made it found out. */
export function mosaicAsset(cog: CreateCogOutput, blobs: Pick<BlobStore, 'url'>): MosaicAsset {
  const [minzoom, maxzoom] = shownZooms(cog);
  const href = blobs.url({ container: cog.cog_container, name: cog.cog_blob });
  return { href, bbox: bboxOf(cog.bounds_4326), dataType: cog.dtype, minzoom, maxzoom };
}

/** Throws RASTER_UNSUPPORTED for a COG that Web Mercator does not show. */
export function shownZooms({ cog_blob, zoom_range }: CreateCogOutput): readonly [number, number] {
  if (zoom_range) return zoom_range;
  throw new CoreMachineError('RASTER_UNSUPPORTED', `${cog_blob} lies where Web Mercator ends`);
}

function bboxOf([west, south, east, north]: readonly number[]): Bbox {
  if (west === undefined || south === undefined || east === undefined || north === undefined) {
    throw new CoreMachineError('RASTER_UNSUPPORTED', 'a COG has no place on the globe');
  }
  return [west, south, east, north];
}
