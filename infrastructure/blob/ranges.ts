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
  /** Called in order, with pieces that follow each other and the first one's place in the blob. */
  readonly write: (pieces: readonly Uint8Array[], position: number) => Promise<void> | void;
}

/** What is received before it is written: a write for each of a socket's pieces of 64 KiB takes half as much time again. */
const writeBytes = 1024 * 1024;

/** Failures in a row, without one byte in between, before a range is given up. */
const mostFailures = 5;
const firstPauseMs = 200;
const longestPauseMs = 5000;

/** Reads one range piece by piece; where a connection breaks or stalls, goes on from the byte it had reached. */
export async function readRange(client: BlobClient, range: Range, read: RangeRead): Promise<void> {
  let position = range.offset;
  const end = range.offset + range.count;
  let failures = 0;
  while (position < end) {
    try {
      for await (const pieces of together(stream(client, { offset: position, count: end - position }, read))) {
        await written(read.write, pieces, position);
        position += lengthOf(pieces);
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

/** Pieces by the MiB; what came before a failure comes before it here too. */
async function* together(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array[]> {
  let held: Uint8Array[] = [];
  try {
    for await (const piece of pieces) {
      held.push(piece);
      if (lengthOf(held) < writeBytes) continue;
      yield held;
      held = [];
    }
  } catch (error) {
    if (held.length > 0) yield held;
    throw error;
  }
  if (held.length > 0) yield held;
}

export function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
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

async function written(write: RangeRead['write'], pieces: readonly Uint8Array[], position: number): Promise<void> {
  try {
    await write(pieces, position);
  } catch (error) {
    throw new LocalFileError(error);
  }
}

function abortable(signal: AbortSignal | undefined) {
  return signal ? { signal } : {};
}
