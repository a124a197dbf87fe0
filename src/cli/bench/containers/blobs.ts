import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { inTurns } from '../engine/turns.ts';

const kinds = ['.tif', '.gpkg', ''];
const atOnce = 16;
/** A container of its own says which containers are complete: looking would be a listing. */
const completeOnes = 'complete';

/** A container of `count` small blobs, and what an inventory of it must say. */
export interface Subject {
  readonly container: string;
  readonly count: number;
  readonly totalBytes: number;
  /** What it took to make them; null when they were there from an earlier run. */
  readonly madeSeconds: number | null;
}

/** Uploads what is not there yet: one request a blob, many at a time. */
export async function makeBlobs(connection: string, count: number): Promise<Subject> {
  const service = BlobServiceClient.fromConnectionString(connection);
  const container = `blobs-${count}`;
  const mark = service.getContainerClient(completeOnes).getBlockBlobClient(container);
  const complete = await mark.exists();
  const started = performance.now();
  if (!complete) {
    await uploadAll(service.getContainerClient(container), count);
    await mark.upload('', 0);
  }
  const madeSeconds = complete ? null : (performance.now() - started) / 1000;
  return { container, count, totalBytes: totalBytes(count), madeSeconds };
}

export async function prepareMarks(connection: string): Promise<void> {
  await BlobServiceClient.fromConnectionString(connection).getContainerClient(completeOnes).createIfNotExists();
}

async function uploadAll(container: ContainerClient, count: number): Promise<void> {
  await container.createIfNotExists();
  await inTurns(count, atOnce, (number) => {
    const size = sizeOf(number);
    return container.getBlockBlobClient(nameOf(number)).upload('x'.repeat(size), size);
  });
}

/** Blob i has i mod 100 bytes. */
function sizeOf(number: number): number {
  return number % 100;
}

function totalBytes(count: number): number {
  let sum = 0;
  for (let number = 0; number < count; number += 1) sum += sizeOf(number);
  return sum;
}

function nameOf(number: number): string {
  const region = String(number % 97).padStart(2, '0');
  return `region-${region}/scene-${String(number).padStart(6, '0')}${kinds[number % kinds.length]}`;
}
