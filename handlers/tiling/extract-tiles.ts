import { defineHandler, type TaskContext } from '../../core/handler.ts';
import { planningFor } from '../raster/plan-for.ts';
import { openSource } from '../raster/source.ts';
import { hasData, surelyFull, type TileSource } from './has-data.ts';
import { type ExtractTilesInput, extractTilesInput, extractTilesOutput } from './schemas.ts';
import { cutOf } from './tile-windows.ts';
import { tileAt } from './tiles.ts';
import { cutWindows } from './windows.ts';

/**
 * Makes the windows of a batch of tiles ready. Of a source that gives windows cheaply (a tiled TIFF) that means finding
 * out which of them hold data, often without reading a pixel: create_cog then warps each straight from the source, which
 * is read once and written nowhere in between (a copy of each window in blob storage would be written and read again: twice
 * the bytes of the whole raster). Of other sources the windows are cut here; see windows.ts.
 */
export const extractTiles = defineHandler('extract_tiles', {
  description: 'Makes the windows of a batch of tiles ready, and leaves out those without a valid pixel.',
  input: extractTilesInput,
  output: extractTilesOutput,
  limits: { timeoutSeconds: 4 * 3600 },
  run: (input, context) => {
    const { services, signal } = context;
    return services.workspace.use('extract', (folder) => extract(input, context, folder), { large: true, signal });
  },
});

async function extract(input: ExtractTilesInput, context: TaskContext, folder: string) {
  const started = performance.now();
  const { services } = context;
  const ref = { container: input.container_name, name: input.blob_name };
  const reading = { localCopy: false, folder, context, span: [0, 0.04] } as const;
  const source = await openSource(services, ref, { subdataset: input.subdataset, ...reading });
  context.progress(0.04);
  const windowsFolder = input.windows_folder;
  // The copy that windows are cut from may word the CRS in another way.
  const crs_override = windowsFolder === null ? input.crs_override : input.source_crs;
  const planning = await planningFor({ ...input, crs_override }, source, context);
  context.progress(0.05);
  const from: TileSource = { planning, tiling: input.tiling, source, sourceCrs: input.source_crs };
  const tiles =
    windowsFolder === null
      ? await tilesWithData(input, from, context)
      : await cutWindows({ first: input.first, end: input.end, windowsFolder }, from, folder, context);
  return {
    tiles,
    empty_tiles: input.end - input.first - tiles.length,
    windows_folder: input.windows_folder,
    processing_time_seconds: Math.round(performance.now() - started) / 1000,
  };
}

async function tilesWithData(input: ExtractTilesInput, from: TileSource, context: TaskContext): Promise<number[]> {
  const cut = cutOf(input.tiling);
  const numbers = Array.from({ length: input.end - input.first }, (_, index) => input.first + index);
  const all = numbers.map((number) => ({ number, tile: tileAt(cut, number) }));
  const full = await surelyFull(
    all.map(({ tile }) => tile),
    from,
    context,
  );
  const found: number[] = [];
  for (const [index, { number, tile }] of all.entries()) {
    context.signal.throwIfAborted();
    const reached = (fraction: number) => context.progress(0.05 + (0.95 * (index + fraction)) / all.length);
    if (full.has(tile.id) || (await hasData(tile, from, { ...context, progress: reached }))) found.push(number);
    reached(1);
  }
  return found;
}
