import { CoreMachineError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { GridWindow } from './snapped-grid.ts';

/** How a grid is cut: `tileSize` pixels to a side, the last column and row with what is left. */
export interface Cut {
  readonly width: number;
  readonly height: number;
  readonly tileSize: number;
  /** The column where the CRS ends: tiles end and begin there, so that each lies in one piece within the CRS. */
  readonly seam?: number | undefined;
  /** Pixels that a tile has beyond its own on each side, as far as the grid goes, or to the seam. */
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

export function columnsOf(cut: Cut): number {
  const { width, seam, tileSize } = cut;
  return columnsBefore(cut) + (seam === undefined ? 0 : Math.ceil((width - seam) / tileSize));
}

/** Without a seam all of them. */
function columnsBefore({ width, seam, tileSize }: Cut): number {
  return Math.ceil((seam ?? width) / tileSize);
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
  const across = columnSpan(tileColumn, cut);
  const down = span(tileRow, [0, cut.height], cut);
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

interface Span {
  readonly from: number;
  readonly to: number;
}

function columnSpan(index: number, cut: Cut): Span {
  const { width, seam = width } = cut;
  const before = columnsBefore(cut);
  return index < before ? span(index, [0, seam], cut) : span(index - before, [seam, width], cut);
}

/** Of the tile with this number, counted from `start`. */
function span(index: number, [start, end]: readonly [number, number], { tileSize, overlap }: Cut): Span {
  const from = start + index * tileSize;
  return { from: Math.max(start, from - overlap), to: Math.min(end, from + tileSize + overlap) };
}

/** "17x12": columns x rows. */
export function gridDimensions(cut: Cut): string {
  return `${columnsOf(cut)}x${rowsOf(cut)}`;
}
