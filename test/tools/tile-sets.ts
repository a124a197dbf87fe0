import { join } from 'node:path';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import { writeRaster } from './gdal-files.ts';

export type TileKind = 'rgb' | 'dem' | 'multispectral';

const side = 300;

const shapes = {
  rgb: { bands: 3, options: ['PHOTOMETRIC=RGB'] },
  dem: { bands: 1, type: 'Float32', nodata: -9999 },
  multispectral: { bands: 6, type: 'UInt16' },
} as const;

/** One surface over all tiles, with some noise. */
const hills = (x: number, y: number, band: number) =>
  Math.round(90 + 60 * Math.sin((x + 40 * band) / 90) * Math.cos(y / 70) + ((x * 7 + y * 13) % 11));

/** A local tile of a grid of 300 x 300 pixels at 10 m; neighbours share an edge. */
export function writeTile(folder: string, kind: TileKind, column: number, row: number): string {
  return writeRaster(join(folder, `${kind}-${column}-${row}.tif`), {
    ...shapes[kind],
    width: side,
    height: side,
    origin: [500_000 + column * side * 10, 5_500_000 - row * side * 10],
    value: (x, y, band) => hills(x + column * side, y + row * side, band),
  });
}

interface Uploader {
  readonly folder: string;
  upload(file: string, name: string): Promise<BlobRef>;
}

/** Tiles of a grid in blob storage, row by row; their names: `{prefix}/{column}/{row}.tif`. */
export async function uploadTiles(
  stack: Uploader,
  kind: TileKind,
  grid: { readonly prefix: string; readonly columns: number; readonly rows: number },
): Promise<string[]> {
  const names: string[] = [];
  for (let row = 0; row < grid.rows; row += 1) {
    for (let column = 0; column < grid.columns; column += 1) {
      const name = `${grid.prefix}/${column}/${row}.tif`;
      await stack.upload(writeTile(stack.folder, kind, column, row), name);
      names.push(name);
    }
  }
  return names;
}
