import type { TaskContext } from '../../core/handler.ts';
import type { BlobProperties, BlobRef, BlobStore, UploadOptions } from '../../core/ports/blob-store.ts';
import type { ItemBody } from '../stac/item-body.ts';
import { requireOwnBlob } from './own-blobs.ts';

export interface StoredCog {
  readonly sizeBytes: number;
  /** Absent where nothing describes it. */
  readonly itemBody: ItemBody | null;
}

/** Describes a COG that may still be under way to its place. */
export type Describe = (stored: Promise<BlobProperties>) => Promise<ItemBody>;

/**
 * Uploads a COG and has it described in the same time. A COG that is there and cannot be described would belong to nobody:
 * it is removed, unless it has taken the place of an earlier one, which items may refer to. Throws OUTPUT_TAKEN when another
 * source has come to have its name since the work began.
 */
export async function storeCog(
  place: BlobRef,
  file: string,
  { owner, ...options }: UploadOptions & { readonly owner: string },
  describe: Describe | null,
  { services: { blobs } }: TaskContext,
): Promise<StoredCog> {
  const earlier = await requireOwnBlob(blobs, place, owner);
  const stored = blobs.upload(place, file, { ...options, metadata: { owner } });
  if (!describe) return { sizeBytes: (await stored).sizeBytes, itemBody: null };
  const described = describe(stored);
  // Both also when one fails: neither is to be at work in a folder that is gone.
  const [upload] = await Promise.allSettled([stored, described]);
  try {
    return { sizeBytes: (await stored).sizeBytes, itemBody: await described };
  } catch (error) {
    if (upload.status === 'fulfilled' && !earlier) await discard(blobs, upload.value);
    throw error;
  }
}

/** Not what another attempt has put there since. That it cannot be removed says less than why it was to be. */
async function discard(blobs: Pick<BlobStore, 'delete'>, { etag, ...ref }: BlobProperties): Promise<void> {
  await blobs.delete(ref, { etag }).catch(() => false);
}
