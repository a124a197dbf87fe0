import { CoreMachineError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { BlobRef, GdalSource } from '../../core/ports/blob-store.ts';
import type { GdalCommand } from '../../core/ports/gdal.ts';
import type { Services } from '../../core/services.ts';
import { type BlockPlace, blockBeyondEnd } from './tiff-blocks.ts';

interface Opened {
  readonly source: GdalSource;
  readonly info: JsonObject;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * Throws FILE_UNREADABLE for a TIFF that ends before its last block. GDAL opens such a file without complaint, and a
 * sample of pixels may miss the end. Of the other formats the sample reads the whole file.
 */
export async function refuseTruncated(services: Services, ref: BlobRef, opened: Opened): Promise<void> {
  if (opened.info.driverShortName !== 'GTiff') return;
  const properties = await services.blobs.properties(ref);
  if (!properties) throw new CoreMachineError('FILE_NOT_FOUND', `there is no blob ${ref.name} in ${ref.container}`);
  const { sizeBytes } = properties;
  const read = async (offset: number, length: number) => {
    const most = Math.min(length, sizeBytes - offset);
    return most > 0 ? services.blobs.read(ref, { offset, length: most }) : new Uint8Array();
  };
  const block = await blockBeyondEnd(read, sizeBytes);
  if (block) await readBlock(services, block, opened);
}

/** Some writers claim more bytes than they wrote for the last strip, and GDAL can read it: its word is what counts. */
async function readBlock({ gdal }: Services, block: BlockPlace, { source, folder, signal }: Opened): Promise<void> {
  const file = `${folder}/block.vrt`;
  await gdal.run(lastRowCommand(block, source, file), { signal });
  try {
    await gdal.readPixels({ path: file, config: source.config }, { width: block.width, height: 1 }, { signal });
  } catch (error) {
    if (!(error instanceof CoreMachineError) || error.code !== 'FILE_UNREADABLE') throw error;
    const place = `the block at column ${block.x}, row ${block.y} lies behind its end`;
    throw new CoreMachineError('FILE_UNREADABLE', `the file is truncated: ${place}`, { cause: error });
  }
}

/**
 * The last row of a block, by reference and without reading a pixel: after a translation that fails the runner looks
 * for the reason in all of the source.
 */
export function lastRowCommand(block: BlockPlace, source: GdalSource, destination: string): GdalCommand {
  const window = [block.x, block.y + block.height - 1, block.width, 1].map(String);
  const args = ['-of', 'VRT', '-b', String(block.band), '-srcwin', ...window];
  return { tool: 'gdal_translate', source, destination, args };
}
