import { isObject, type JsonObject } from '../../core/json.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { Planning } from '../raster/plan-for.ts';
import type { SourceAccess, Tiling } from './schemas.ts';
import { cutOf } from './tile-windows.ts';
import { columnsOf, tileCount } from './tiles.ts';

/**
 * Reading a window may cost this many times its pixels; more, and windows are cut once for all. Of blocks as large as
 * the tiles four have to be read; of strips everything beside the tile, again for each tile of the row.
 */
const mostReadAgain = { tiled: 4.5, strips: 1.5 } as const;
/** Of a source that is read directly: a few seconds' work each. */
const directBatch = 16;

export interface Access {
  readonly access: SourceAccess;
  /** Tiles a task: those that share what has to be read. */
  readonly batchSize: number;
}

/**
 * How tiles get at their pixels. A tiled TIFF gives a window for little more than its own bytes. Strips are read over the
 * whole width for each tile of a row, so a row of tiles is cut together. Formats that are only read from a local copy
 * are copied once, and all tiles are cut from it.
 */
export function accessOf(planning: Planning, source: GdalSource, tiling: Tiling): Access {
  const cut = cutOf(tiling);
  const count = tileCount(cut);
  if (count === 1) return { access: 'direct', batchSize: 1 };
  if (isLocal(source)) return { access: 'prepared', batchSize: count };
  const most = isStriped(planning) ? mostReadAgain.strips : mostReadAgain.tiled;
  if (readAgain(planning, tiling) > most) return { access: 'prepared', batchSize: columnsOf(cut) };
  return { access: 'direct', batchSize: directBatch };
}

export function isLocal({ path }: GdalSource): boolean {
  return !path.includes('/vsi');
}

export function isStriped({ facts, info }: Pick<Planning, 'facts' | 'info'>): boolean {
  return blockOf(info)[0] >= facts.width;
}

/** Pixels that are decoded for one pixel that is wanted: windows are read in whole blocks. */
export function readAgain({ facts, info }: Pick<Planning, 'facts' | 'info'>, { tile_size, scale }: Tiling): number {
  const [blockWidth, blockHeight] = blockOf(info);
  const side = (size: number, block: number, perPixel: number) => {
    const wanted = Math.min(size, tile_size / perPixel);
    return Math.min(size, (Math.ceil(wanted / block) + 1) * block) / wanted;
  };
  return side(facts.width, blockWidth, scale[0]) * side(facts.height, blockHeight, scale[1]);
}

/** [width, height] of the blocks of the first band. */
export function blockOf(info: JsonObject): readonly [number, number] {
  const band = Array.isArray(info.bands) ? info.bands[0] : undefined;
  const block = isObject(band) && Array.isArray(band.block) ? band.block : [];
  const [width = 1, height = 1] = block.map(Number);
  return [Math.max(1, width), Math.max(1, height)];
}
