import type { BlobGetPropertiesResponse, BlobItem } from '@azure/storage-blob';
import { CoreMachineError } from '../../core/errors.ts';
import type { BlobProperties, BlobRef } from '../../core/ports/blob-store.ts';
import { lowerCaseKeys } from './names.ts';

/** In accounts with a hierarchical namespace a folder is listed as an empty blob with this mark. */
export function isFolder(metadata: Readonly<Record<string, string>> | undefined): boolean {
  return lowerCaseKeys(metadata).hdi_isfolder === 'true';
}

export function storedProperties(ref: BlobRef, answer: BlobGetPropertiesResponse): BlobProperties {
  return {
    container: ref.container,
    name: ref.name,
    sizeBytes: present(answer.contentLength, ref),
    contentType: answer.contentType ?? null,
    lastModified: present(answer.lastModified, ref),
    etag: plainTag(present(answer.etag, ref)),
    accessTier: answer.accessTier ?? null,
    metadata: lowerCaseKeys(answer.metadata),
  };
}

export function listedProperties(container: string, item: BlobItem): BlobProperties {
  const { name, properties, metadata } = item;
  const ref = { container, name };
  return {
    ...ref,
    sizeBytes: present(properties.contentLength, ref),
    contentType: properties.contentType ?? null,
    lastModified: properties.lastModified,
    etag: plainTag(properties.etag),
    accessTier: properties.accessTier ?? null,
    metadata: lowerCaseKeys(metadata),
  };
}

/** Headers quote the tag, listings do not. */
function plainTag(etag: string): string {
  return etag.replace(/^(?:W\/)?"|"$/g, '');
}

function present<T>(value: T | undefined, ref: BlobRef): T {
  if (value !== undefined) return value;
  throw new CoreMachineError('STORAGE_UNAVAILABLE', `${ref.container}/${ref.name}: the answer is incomplete`);
}
