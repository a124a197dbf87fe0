import { createHash } from 'node:crypto';
import { CoreMachineError } from '../../core/errors.ts';
import type { BlobRef, BlobStore } from '../../core/ports/blob-store.ts';

/** A digest of what outputs are made from, e.g. a container, a blob and a variable; kept with them as metadata. */
export function ownerOf(source: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(source)).digest('hex');
}

/** Throws OUTPUT_TAKEN when the blob is there and was made from another source: then it must not be replaced. */
export async function requireOwnBlob(blobs: BlobStore, ref: BlobRef, owner: string): Promise<void> {
  const there = (await blobs.properties(ref))?.metadata.owner;
  if (there === undefined || there === owner) return;
  throw new CoreMachineError(
    'OUTPUT_TAKEN',
    `${ref.container}/${ref.name} was made from another source; give another output_folder, or delete it`,
  );
}
