import { createHash } from 'node:crypto';
import type { BlobRef } from '../../core/ports/blob-store.ts';

/** Of a blob's name in Azure. */
const mostCharacters = 1024;
const ending = '_thumb.webp';

/**
 * In the container for COGs: beside a COG of ours; in a folder for the pictures of other rasters, whose place may not be
 * ours to write to. With the raster's extension, for `q.tif` and `q.tiff` are two; a digest stands for what is too long.
 */
export function thumbnailName({ container, name }: BlobRef, cogContainer: string): string {
  const full = container === cogContainer ? name : `thumbnails/${container}/${name}`;
  if (full.length + ending.length <= mostCharacters) return `${full}${ending}`;
  const digest = createHash('sha256').update(full).digest('hex').slice(0, 32);
  // Half a surrogate pair is no character of a name.
  const start = full.slice(0, mostCharacters - digest.length - 1 - ending.length).replace(/[\uD800-\uDBFF]$/, '');
  return `${start}-${digest}${ending}`;
}
