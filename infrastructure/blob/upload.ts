import { stat } from 'node:fs/promises';
import type { BlockBlobClient, BlockBlobParallelUploadOptions } from '@azure/storage-blob';
import type { UploadOptions } from '../../core/ports/blob-store.ts';

/** A file is read as it is sent; the SDK keeps no block in memory. */
const smallestBlock = 8 * 1024 * 1024;
/** Up to here one request brings the whole, in half of the time that blocks and their commit take on Azurite. */
const mostInOneRequest = 256 * 1024 * 1024;
const mostBlocks = 50_000;
const concurrency = 4;

/** Writes a local file (by path) or bytes to a blob, replacing it. */
export async function uploadSource(
  client: BlockBlobClient,
  source: string | Uint8Array,
  options: UploadOptions,
): Promise<void> {
  if (typeof source === 'string') {
    const { size } = await stat(source);
    await client.uploadFile(source, parallelOptions(size, options));
  } else {
    await client.uploadData(source, parallelOptions(source.byteLength, options));
  }
}

function parallelOptions(size: number, options: UploadOptions): BlockBlobParallelUploadOptions {
  const { contentType, accessTier, metadata, signal, onProgress } = options;
  return {
    blockSize: Math.max(smallestBlock, Math.ceil(size / mostBlocks)),
    maxSingleShotSize: mostInOneRequest,
    concurrency,
    blobHTTPHeaders: { blobContentType: contentType },
    ...(accessTier && { tier: accessTier }),
    ...(metadata && { metadata: { ...metadata } }),
    ...(signal && { abortSignal: signal }),
    ...(onProgress && { onProgress: ({ loadedBytes }) => onProgress(loadedBytes, size) }),
  };
}
