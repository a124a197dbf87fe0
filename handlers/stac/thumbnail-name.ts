import type { BlobRef } from '../../core/ports/blob-store.ts';
import { withoutExtension } from './item-id.ts';

/** In the container for COGs: beside a COG of ours; in a folder for the pictures of other rasters, whose place may not be ours to write to. */
export function thumbnailName({ container, name }: BlobRef, cogContainer: string): string {
  const own = container === cogContainer;
  return `${own ? withoutExtension(name) : `thumbnails/${container}/${withoutExtension(name)}`}_thumb.webp`;
}
