import { createHash } from 'node:crypto';
import type { BlobRef } from '../../core/ports/blob-store.ts';

const longestName = 100;

/**
 * An item's id from its collection and its raster, always the same for the same: `scenes-a_cog_analysis-3f2a9c01d4`.
 * The name is for people; the digest keeps apart what the name does not, such as `a/b.tif` and `a-b.tif`.
 */
export function derivedItemId(collectionId: string, raster: BlobRef): string {
  const name = withoutExtension(raster.name)
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[-.]+|-+$/g, '')
    .slice(-longestName);
  const text = JSON.stringify([collectionId, raster.container, raster.name]);
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 10);
  return name ? `${name}-${digest}` : digest;
}

export function withoutExtension(blobName: string): string {
  return blobName.replace(/\.[^./]+$/, '');
}
