import { setTimeout as wait } from 'node:timers/promises';
import type { BlobClient } from '@azure/storage-blob';
import { isTransient, LocalFileError } from './storage-error.ts';

export interface Range {
  readonly offset: number;
  readonly count: number;
}

export interface RangeRead {
  /** The version to read: a blob that is replaced meanwhile must not be mixed with its successor. */
  readonly etag: string;
  readonly signal: AbortSignal | undefined;
  /** A connection that brings nothing for this long is given up and opened anew. */
  readonly stallMs: number;
  /** Called in order, with the place of the bytes in the blob. */
  readonly write: (bytes: Uint8Array, position: number) => Promise<void> | void;
}

/** Failures in a row, without one byte in between, before a range is given up. */
const mostFailures = 5;
const firstPauseMs = 200;
const longestPauseMs = 5000;

/** Reads one range chunk by chunk; where a connection breaks or stalls, goes on from the byte it had reached. */
export async function readRange(client: BlobClient, range: Range, read: RangeRead): Promise<void> {
  let position = range.offset;
  const end = range.offset + range.count;
  let failures = 0;
  while (position < end) {
    try {
      for await (const bytes of stream(client, { offset: position, count: end - position }, read)) {
        await written(read.write, bytes, position);
        position += bytes.length;
        failures = 0;
      }
      if (position < end) throw new Error('the connection ended early');
    } catch (error) {
      failures += 1;
      if (read.signal?.aborted || !isTransient(error) || failures >= mostFailures) throw error;
      await wait(Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs), undefined, abortable(read.signal));
    }
  }
}

/** All ranges of a blob of `size` bytes, `concurrency` at a time. The first failure ends them all. */
export async function readRanges(
  client: BlobClient,
  size: number,
  read: RangeRead,
  options: { readonly rangeBytes: number; readonly concurrency: number },
): Promise<void> {
  const failed = new AbortController();
  const signal = read.signal ? AbortSignal.any([read.signal, failed.signal]) : failed.signal;
  let next = 0;
  const worker = async () => {
    while (next < size) {
      const offset = next;
      const count = Math.min(options.rangeBytes, size - offset);
      next = offset + count;
      await readRange(client, { offset, count }, { ...read, signal });
    }
  };
  const workers = Array.from({ length: options.concurrency }, () =>
    worker().catch((error: unknown) => failed.abort(error)),
  );
  // All of them: a file must not be written to after the caller has been told.
  await Promise.all(workers);
  // The first error; the others only say that they were stopped.
  if (failed.signal.aborted) throw failed.signal.reason;
}

async function* stream(client: BlobClient, { offset, count }: Range, read: RangeRead): AsyncGenerator<Uint8Array> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), read.stallMs);
  const abortSignal = read.signal ? AbortSignal.any([read.signal, stalled.signal]) : stalled.signal;
  try {
    const conditions = { ifMatch: read.etag };
    const response = await client.download(offset, count, { abortSignal, conditions, maxRetryRequests: 0 });
    for await (const chunk of response.readableStreamBody ?? []) {
      timer.refresh();
      yield chunk as Uint8Array;
    }
  } finally {
    clearTimeout(timer);
  }
}

async function written(write: RangeRead['write'], bytes: Uint8Array, position: number): Promise<void> {
  try {
    await write(bytes, position);
  } catch (error) {
    throw new LocalFileError(error);
  }
}

function abortable(signal: AbortSignal | undefined) {
  return signal ? { signal } : {};
}
