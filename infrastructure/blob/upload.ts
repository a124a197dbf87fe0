import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { BlockBlobClient, BlockBlobParallelUploadOptions, BlockBlobUploadOptions } from '@azure/storage-blob';
import type { UploadOptions } from '../../core/ports/blob-store.ts';

/** A file is read as it is sent; the SDK keeps no block in memory. */
const smallestBlock = 8 * 1024 * 1024;
/** Up to here one request brings the whole, in half of the time that blocks and their commit take on Azurite. */
const mostInOneRequest = 256 * 1024 * 1024;
const mostBlocks = 50_000;
const concurrency = 4;

/** What is read of a file at once: with a stream's 64 KiB an upload costs half as much again. */
const pieceBytes = 1024 * 1024;

/** Writes a local file (by path) or bytes to a blob, replacing it. */
export async function uploadSource(
  client: BlockBlobClient,
  source: string | Uint8Array,
  options: UploadOptions,
): Promise<void> {
  if (typeof source !== 'string') {
    await client.uploadData(source, parallelOptions(source.byteLength, options));
    return;
  }
  const { size } = await stat(source);
  if (size > mostInOneRequest) {
    await client.uploadFile(source, parallelOptions(size, options));
  } else {
    // A function, so that a request that is sent again reads from the start.
    await client.upload(
      () => createReadStream(source, { highWaterMark: pieceBytes }),
      size,
      blobOptions(size, options),
    );
  }
}

function parallelOptions(size: number, options: UploadOptions): BlockBlobParallelUploadOptions {
  return {
    blockSize: Math.max(smallestBlock, Math.ceil(size / mostBlocks)),
    maxSingleShotSize: mostInOneRequest,
    concurrency,
    ...blobOptions(size, options),
  };
}

function blobOptions(size: number, options: UploadOptions): BlockBlobUploadOptions {
  const { contentType, accessTier, metadata, signal, onProgress } = options;
  return {
    blobHTTPHeaders: { blobContentType: contentType },
    ...(accessTier && { tier: accessTier }),
    ...(metadata && { metadata: { ...metadata } }),
    ...(signal && { abortSignal: signal }),
    ...(onProgress && { onProgress: ({ loadedBytes }) => onProgress(loadedBytes, size) }),
  };
}
