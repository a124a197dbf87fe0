import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import gdal from 'gdal-async';
import type { GdalSource } from '../../core/ports/blob-store.ts';

export interface TestRaster {
  readonly width: number;
  readonly height: number;
  readonly bands?: number;
  /** GDAL's name, e.g. `Float32`. Default Byte. */
  readonly type?: string;
  /** null: none. */
  readonly crs?: string | null;
  readonly nodata?: number;
  readonly options?: readonly string[];
  /** Upper left corner; default 500000, 5500000. */
  readonly origin?: readonly [number, number];
  /** Its side; default 10. */
  readonly pixel?: number;
  /** Default: a pattern that compresses badly. */
  readonly value?: (x: number, y: number, band: number) => number;
}

const noise = (x: number, y: number, band: number) => (Math.imul(x * 8191 + y * 131 + band, 2654435761) >>> 13) & 255;

/** A surface with some noise: it compresses, and every pixel is its own. */
export const hills = (x: number, y: number, band: number) =>
  Math.round(90 + 60 * Math.sin((x + 40 * band) / 90) * Math.cos(y / 70) + ((x * 7 + y * 13) % 11));

/** Writes a tiled, deflated GeoTIFF with square pixels. */
export function writeRaster(path: string, raster: TestRaster): string {
  const { width, height, bands = 1, type = 'Byte', crs = 'EPSG:32633', pixel = 10, value = noise } = raster;
  const options = ['TILED=YES', 'COMPRESS=DEFLATE', ...(raster.options ?? [])];
  const dataset = gdal.open(path, 'w', 'GTiff', width, height, bands, type, options);
  if (crs !== null) dataset.srs = gdal.SpatialReference.fromUserInput(crs);
  const [left, top] = raster.origin ?? [500_000, 5_500_000];
  dataset.geoTransform = [left, pixel, 0, top, 0, -pixel];
  for (let band = 1; band <= bands; band += 1) {
    if (raster.nodata !== undefined) dataset.bands.get(band).noDataValue = raster.nodata;
    const samples = Float64Array.from({ length: width * height }, (_, index) =>
      value(index % width, Math.floor(index / width), band),
    );
    dataset.bands.get(band).pixels.write(0, 0, width, height, samples);
  }
  dataset.close();
  return path;
}

/** The first part of a file, as a broken transfer leaves it. */
export async function truncate(source: string, target: string, fraction: number): Promise<string> {
  const bytes = await readFile(source);
  await writeFile(target, bytes.subarray(0, Math.floor(bytes.length * fraction)));
  return target;
}

export interface BadFiles {
  readonly empty: string;
  readonly text: string;
  /** Opens, but its later tiles are missing. */
  readonly truncated: string;
}

export async function writeBadFiles(folder: string): Promise<BadFiles> {
  const [empty, text] = [join(folder, 'empty.tif'), join(folder, 'text.tif')];
  await writeFile(empty, '');
  await writeFile(text, 'This is a note and no raster.\n'.repeat(100));
  const whole = writeRaster(join(folder, 'whole.tif'), { width: 1000, height: 800, bands: 2 });
  return { empty, text, truncated: await truncate(whole, join(folder, 'truncated.tif'), 0.6) };
}

export function localSource(path: string): GdalSource {
  return { path, config: {} };
}

/** Pixels and masks of each band and of its overviews, full resolution first. */
export function levelsOf(path: string): { pixels: number[]; mask: number[] }[] {
  const dataset = gdal.open(path);
  const bands = dataset.bands.map((band) => band);
  const images = bands.flatMap((band) => [band, ...band.overviews.map((overview) => overview)]);
  const levels = images.map((image) => ({ pixels: valuesOf(image), mask: valuesOf(image.getMaskBand()) }));
  dataset.close();
  return levels;
}

function valuesOf(image: gdal.RasterBand | null): number[] {
  const pixels = image?.pixels.read(0, 0, image.size.x, image.size.y);
  return pixels ? Array.from(pixels as ArrayLike<number>) : [];
}
