import gdal, { type Dataset } from 'gdal-async';
import { lastError } from './cpl-log.ts';
import { assertNoForeignFiles } from './foreign-files.ts';
import { messageOf, OperationError } from './operation-error.ts';
import type { OperationContext } from './perform.ts';

/**
 * Opens a source, gives it to `work` and closes it. Throws in phase `open` when GDAL does not open it or it holds no
 * raster, in phase `refused` for one that refers to others.
 */
export async function withSource<T>(path: string, work: (dataset: Dataset) => Promise<T>): Promise<T> {
  const dataset = await open(path);
  try {
    assertRaster(dataset, path);
    await assertNoForeignFiles(dataset, path);
    return await work(dataset);
  } finally {
    dataset.close();
  }
}

/** For work that reads pixels: what goes wrong there, as GDAL reports it, is an error of phase `read`. */
export function withPixels<T>(
  path: string,
  { log }: OperationContext,
  work: (dataset: Dataset) => Promise<T>,
): Promise<T> {
  return withSource(path, async (dataset) => {
    try {
      return await work(dataset);
    } catch (error) {
      if (error instanceof OperationError) throw error;
      const phase = lastError(log.all()) ? 'read' : 'run';
      throw new OperationError(phase, messageOf(error), { path, cause: error });
    }
  });
}

async function open(path: string): Promise<Dataset> {
  try {
    return await gdal.openAsync(path);
  } catch (error) {
    throw new OperationError('open', messageOf(error), { path, cause: error });
  }
}

/** GDAL opens vector files as well. A container of several rasters has no bands of its own, but lists them. */
function assertRaster(dataset: Dataset, path: string): void {
  if (dataset.bands.count() > 0) return;
  const subdatasets: Record<string, unknown> | null = dataset.getMetadata('SUBDATASETS');
  if (Object.keys(subdatasets ?? {}).length > 0) return;
  throw new OperationError('open', 'The file holds no raster', { path });
}
