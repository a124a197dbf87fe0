import { CoreMachineError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { GridWindow } from './snapped-grid.ts';

/** How a grid is cut: `tileSize` pixels to a side, the last column and row with what is left. */
export interface Cut {
  readonly width: number;
  readonly height: number;
  readonly tileSize: number;
  /** Pixels that a tile has beyond its own on each side, as far as the grid goes. */
  readonly overlap: number;
}

export interface Tile extends GridWindow {
  /** `tile_{row}_{col}`, both from 0 at the upper left. */
  readonly id: string;
  readonly tileRow: number;
  readonly tileColumn: number;
}

/** Of a tile's pixels without compression. */
const wantedTileBytes = 300 * 1024 * 1024;
const step = 512;

/** The side of a square of about 300 MB in pixels: a multiple of 512, the blocks of a COG. */
export function automaticTileSize(bytesPerPixel: number): number {
  return Math.max(step, Math.floor(Math.sqrt(wantedTileBytes / bytesPerPixel) / step) * step);
}

export function columnsOf({ width, tileSize }: Cut): number {
  return Math.ceil(width / tileSize);
}

export function rowsOf({ height, tileSize }: Cut): number {
  return Math.ceil(height / tileSize);
}

/** Row by row from the upper left. Throws RASTER_UNSUPPORTED for more tiles than a stage can have. */
export function tileCount(cut: Cut): number {
  const count = columnsOf(cut) * rowsOf(cut);
  if (count <= limits.tasksPerStage) return count;
  const least = leastTileSize(cut);
  const size = `${cut.width} x ${cut.height} pixels`;
  const message = `${size} in tiles of ${cut.tileSize} are ${count} tiles, more than ${limits.tasksPerStage}; give a tile_size of at least ${least}`;
  throw new CoreMachineError('RASTER_UNSUPPORTED', message, { details: [{ path: 'tile_size', message }] });
}

function leastTileSize(cut: Cut): number {
  let tileSize = Math.ceil(Math.sqrt((cut.width * cut.height) / limits.tasksPerStage) / step) * step;
  while (columnsOf({ ...cut, tileSize }) * rowsOf({ ...cut, tileSize }) > limits.tasksPerStage) tileSize += step;
  return tileSize;
}

/** The tile with this number, in the order of `tileCount`. */
export function tileAt(cut: Cut, number: number): Tile {
  const columns = columnsOf(cut);
  const [tileRow, tileColumn] = [Math.floor(number / columns), number % columns];
  const across = span(tileColumn, cut.width, cut);
  const down = span(tileRow, cut.height, cut);
  return {
    id: `tile_${tileRow}_${tileColumn}`,
    tileRow,
    tileColumn,
    column: across.from,
    row: down.from,
    width: across.to - across.from,
    height: down.to - down.from,
  };
}

function span(index: number, size: number, { tileSize, overlap }: Cut): { from: number; to: number } {
  return {
    from: Math.max(0, index * tileSize - overlap),
    to: Math.min(size, (index + 1) * tileSize + overlap),
  };
}

/** "17x12": columns x rows. */
export function gridDimensions(cut: Cut): string {
  return `${columnsOf(cut)}x${rowsOf(cut)}`;
}
