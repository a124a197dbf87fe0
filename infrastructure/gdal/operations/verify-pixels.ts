import gdal, { type Dataset } from 'gdal-async';
import { type CplLog, lastError } from './cpl-log.ts';
import { messageOf, OperationError } from './operation-error.ts';
import { withSource } from './source.ts';

const leastRows = 256;

/**
 * Reads all pixels of a source, a strip of whole blocks at a time, and throws in phase `read` at the first that cannot
 * be read. GDAL opens a truncated file without complaint, and its errors have one class whether the source could not
 * be read or the destination not be written: this tells the two apart, and only runs after a failure. It opens the
 * source anew, because drivers report what is wrong with a file once and then give grey.
 */
export async function verifyPixels(path: string, log: CplLog): Promise<void> {
  const reported = lastError(log.all());
  await withSource(path, async (dataset) => {
    log.news();
    try {
      for (const [top, rows] of strips(dataset)) await readStrip(dataset, top, rows);
    } catch (error) {
      // What the operation ran into says more than "checksum could not be computed".
      throw new OperationError('read', reported || messageOf(error), { path, reports: log.news(), cause: error });
    }
  });
}

function* strips(dataset: Dataset): Generator<readonly [number, number]> {
  if (dataset.bands.count() === 0) return;
  const height = dataset.rasterSize.y;
  const block = Math.max(1, dataset.bands.get(1).blockSize?.y ?? 1);
  const rows = Math.ceil(leastRows / block) * block;
  for (let top = 0; top < height; top += rows) yield [top, Math.min(rows, height - top)];
}

async function readStrip(dataset: Dataset, top: number, rows: number): Promise<void> {
  for (let band = 1; band <= dataset.bands.count(); band += 1) {
    await gdal.checksumImageAsync(dataset.bands.get(band), 0, top, dataset.rasterSize.x, rows);
  }
}
