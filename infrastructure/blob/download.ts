import { type FileHandle, open, rm } from 'node:fs/promises';
import type { BlobClient } from '@azure/storage-blob';
import type { Turns } from '../turns.ts';
import { lengthOf, readRange, readRanges } from './ranges.ts';

export interface DownloadOptions {
  readonly signal: AbortSignal | undefined;
  readonly stallMs: number;
  /** Of the blobs that take more than one range: few at a time arrive early, many at a time all arrive late. */
  readonly turns: Turns;
  /** Bytes so far. */
  readonly onProgress: ((bytes: number) => void) | undefined;
}

/** One connection to a storage account brings some 60 MB/s; four ranges at a time fill a function's network. */
const rangeBytes = 8 * 1024 * 1024;
const concurrency = 4;

/** Streams a blob to a file; what is held in memory is a chunk a connection. Leaves no half file behind. */
export async function downloadToFile(client: BlobClient, file: string, options: DownloadOptions): Promise<void> {
  const found = await version(client, options.signal);
  if (found.size <= rangeBytes) return writeFile(client, found, file, options);
  await options.turns.take(options.signal);
  try {
    // The wait may have been long enough for the blob to be replaced.
    await writeFile(client, await version(client, options.signal), file, options);
  } finally {
    options.turns.give();
  }
}

async function writeFile(
  client: BlobClient,
  { size, etag }: Version,
  file: string,
  options: DownloadOptions,
): Promise<void> {
  const handle = await open(file, 'w');
  let received = 0;
  try {
    const write = async (pieces: readonly Uint8Array[], position: number) => {
      await writeAll(handle, pieces, position);
      received += lengthOf(pieces);
      options.onProgress?.(received);
    };
    const { signal, stallMs } = options;
    await readRanges(client, size, { etag, signal, stallMs, write }, { rangeBytes, concurrency });
    await handle.close();
  } catch (error) {
    await handle.close();
    await rm(file, { force: true });
    throw error;
  }
}

/** Also where the system takes only a part at once, as it does before a disk is full. */
async function writeAll(handle: FileHandle, pieces: readonly Uint8Array[], position: number): Promise<void> {
  const { bytesWritten } = await handle.writev(pieces, position);
  if (bytesWritten === lengthOf(pieces)) return;
  await writeAll(handle, [Buffer.concat(pieces).subarray(bytesWritten)], position + bytesWritten);
}

/** The bytes of a range, cut at the blob's end; all of it when no range is given. */
export async function readBytes(
  client: BlobClient,
  range: { readonly offset: number; readonly length: number } | undefined,
  stallMs: number,
): Promise<Uint8Array> {
  const { size, etag } = await version(client, undefined);
  const offset = Math.min(range?.offset ?? 0, size);
  const count = Math.min(range?.length ?? size, size - offset);
  const bytes = new Uint8Array(count);
  const write = (pieces: readonly Uint8Array[], position: number) =>
    bytes.set(Buffer.concat(pieces), position - offset);
  await readRange(client, { offset, count }, { etag, signal: undefined, stallMs, write });
  return bytes;
}

interface Version {
  readonly size: number;
  readonly etag: string;
}

async function version(client: BlobClient, abortSignal: AbortSignal | undefined): Promise<Version> {
  const properties = await client.getProperties(abortSignal ? { abortSignal } : {});
  return { size: properties.contentLength ?? 0, etag: properties.etag ?? '' };
}
