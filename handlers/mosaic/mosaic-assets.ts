import { CoreMachineError } from '../../core/errors.ts';
import type { TaskContext } from '../../core/handler.ts';
import type { CogHeader } from './cog-headers.ts';
import { mercatorSizes } from './mercator-size.ts';
import type { Bbox, MosaicAsset } from './mosaic-json.ts';
import { zoomsOf } from './tile-grid.ts';

/** What a mosaic must know of COGs, in their order. They are of one CRS: a job makes all of its COGs in the same. */
export async function mosaicAssets(
  headers: readonly CogHeader[],
  { services }: TaskContext,
): Promise<readonly MosaicAsset[]> {
  const crs = headers[0]?.cog.target_crs ?? 'EPSG:4326';
  const sizes = await mercatorSizes(
    services.gdal,
    crs,
    headers.map(({ facts }) => facts),
  );
  return headers.map(({ cog, dataType }, index): MosaicAsset => {
    const size = sizes[index];
    if (!size) throw new CoreMachineError('RASTER_UNSUPPORTED', `${cog.cog_blob} has no size in Web Mercator`);
    const href = services.blobs.url({ container: cog.cog_container, name: cog.cog_blob });
    return { href, bbox: bboxOf(cog.bounds_4326), dataType, ...zoomsOf(size) };
  });
}

function bboxOf([west, south, east, north]: readonly number[]): Bbox {
  if (west === undefined || south === undefined || east === undefined || north === undefined) {
    throw new CoreMachineError('RASTER_UNSUPPORTED', 'a COG has no place on the globe');
  }
  return [west, south, east, north];
}
