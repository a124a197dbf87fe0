import type { TaskContext } from '../../core/handler.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import { blocksCommand, placedCommand } from '../raster/cog-commands.ts';
import { scratchPixels, stepOptions } from '../raster/scratch.ts';
import { transferred } from '../raster/transfer.ts';
import { fileHasData, type TileSource } from './has-data.ts';
import { tilesContainer, windowBlobName } from './names.ts';
import { isLocal, isStriped } from './source-access.ts';
import { sourceRows } from './source-rows.ts';
import { cutOf, tileWindowOf } from './tile-windows.ts';
import { type Tile, tileAt } from './tiles.ts';

/**
 * Cuts the windows of sources that do not give them cheaply, and keeps each that holds data as a blob in the target grid.
 * What the batch needs of the source is copied once to a local file in blocks: of strips in storage the rows of this row
 * of tiles, of a local copy all. On the disk are these pixels without compression, the local copy, and two copies of one
 * tile at a time.
 */
export async function cutWindows(
  batch: { readonly first: number; readonly end: number; readonly windowsFolder: string },
  from: TileSource,
  folder: string,
  context: TaskContext,
): Promise<number[]> {
  const source = await inBlocks(batch, from, folder, context);
  const cut = cutOf(from.tiling);
  const found: number[] = [];
  for (let number = batch.first; number < batch.end; number += 1) {
    context.signal.throwIfAborted();
    const share = 0.7 / (batch.end - batch.first);
    const begin = 0.3 + share * (number - batch.first);
    const part = { ...context, progress: (fraction: number) => context.progress(begin + share * fraction) };
    if (await cutWindow(tileAt(cut, number), { ...from, source }, batch.windowsFolder, part)) found.push(number);
  }
  return found;
}

/** False when the window holds nothing: then nothing is kept. */
function cutWindow(tile: Tile, from: TileSource, windowsFolder: string, context: TaskContext): Promise<boolean> {
  const { workspace, blobs } = context.services;
  return workspace.use('window', async (folder) => {
    const plan = from.planning.planOf(tileWindowOf(from.tiling, tile));
    const file = await scratchPixels(plan, from.source, folder, context, [0, 0.7]);
    if (!(await fileHasData(file, context, [0.7, 0.9]))) return false;
    const target = { container: tilesContainer, name: windowBlobName(windowsFolder, tile.id) };
    const onProgress = transferred(context, [0.9, 1]);
    const { signal } = context;
    await blobs.upload(target, file, { contentType: 'image/tiff; application=geotiff', signal, onProgress });
    return true;
  });
}

/** The part of the source that is needed, in blocks: a raster as large as the source, in the same place. */
async function inBlocks(
  batch: { readonly first: number; readonly end: number },
  from: TileSource,
  folder: string,
  context: TaskContext,
): Promise<GdalSource> {
  const { source, planning } = from;
  const { gdal } = context.services;
  const { width, height, geoTransform } = planning.facts;
  if (isLocal(source) && !isStriped(planning)) return source;
  const { first, end } = isLocal(source) ? { first: 0, end: height } : await rowsOf(batch, from, context);
  const blocks = `${folder}/blocks.tif`;
  await gdal.run(blocksCommand(source, blocks, [0, first, width, end - first]), stepOptions(context, [0.05, 0.3]));
  if (end - first === height) return { path: blocks, config: {} };
  const placed = `${folder}/placed.vrt`;
  await gdal.run(placedCommand(blocks, placed, [0, -first, width, height]), { signal: context.signal });
  // Its numbers were computed from those of the part. With the source's own every pixel is where a whole warp has it.
  await gdal.run({ tool: 'geotransform', file: placed, geoTransform, args: [] }, { signal: context.signal });
  return { path: placed, config: {} };
}

function rowsOf({ first, end }: { first: number; end: number }, from: TileSource, { services }: TaskContext) {
  const { planning, tiling, sourceCrs } = from;
  const cut = cutOf(tiling);
  const [one, last] = [tileAt(cut, first), tileAt(cut, end - 1)];
  const window = {
    column: one.column,
    row: one.row,
    width: last.column + last.width - one.column,
    height: last.row + last.height - one.row,
  };
  const crs = { grid: planning.planOf().warpTarget, source: sourceCrs };
  return sourceRows(services.gdal, planning.facts, tiling.grid, window, crs);
}
