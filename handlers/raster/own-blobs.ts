import { createHash } from 'node:crypto';
import { CoreMachineError } from '../../core/errors.ts';
import type { BlobProperties, BlobRef, BlobStore } from '../../core/ports/blob-store.ts';

/** A digest of what outputs are made from, e.g. a container, a blob and a variable; kept with them as metadata. */
export function ownerOf(source: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(source)).digest('hex');
}

/** Of what is made from a raster, or a variable of it. */
export function rasterOwner(source: {
  readonly container_name: string;
  readonly blob_name: string;
  readonly subdataset: string | null;
}): string {
  return ownerOf([source.container_name, source.blob_name, source.subdataset]);
}

/**
 * What is there; null: nothing. Throws OUTPUT_TAKEN when that was made from another source: then it must not be replaced.
 * One without a mark may be: it is older than the marks.
 */
export async function requireOwnBlob(
  blobs: Pick<BlobStore, 'properties'>,
  ref: BlobRef,
  owner: string,
): Promise<BlobProperties | null> {
  const there = await blobs.properties(ref);
  if (there?.metadata.owner === undefined || there.metadata.owner === owner) return there;
  throw new CoreMachineError(
    'OUTPUT_TAKEN',
    `${ref.container}/${ref.name} was made from another source; give another output_folder, or delete it`,
  );
}
