import gdal from 'gdal-async';

/** Pixels from the whole scene's upper left corner. */
export interface Corner {
  readonly east: number;
  readonly south: number;
}

/**
 * An RGB GeoTIFF like an aerial photograph, to a codec at least: smooth shapes with grain. UTM 33N, 1 m pixels, tiled,
 * uncompressed. The same size and corner give the same bytes.
 */
export async function makeRgbRaster(file: string, size: number, corner: Corner = { east: 0, south: 0 }): Promise<void> {
  const dataset = await gdal.openAsync(file, 'w', 'GTiff', size, size, 3, gdal.GDT_Byte, [
    'TILED=YES',
    'BIGTIFF=IF_SAFER',
  ]);
  dataset.srs = gdal.SpatialReference.fromEPSG(32633);
  dataset.geoTransform = [500_000 + corner.east, 1, 0, 5_400_000 - corner.south, 0, -1];
  const rows = 256;
  let seed = 12_345;
  for (let top = 0; top < size; top += rows) {
    const height = Math.min(rows, size - top);
    for (let band = 1; band <= 3; band += 1) {
      const pixels = new Uint8Array(size * height);
      for (let index = 0; index < pixels.length; index += 1) {
        const x = corner.east + (index % size);
        const y = corner.south + top + Math.floor(index / size);
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        const shape = 110 + 60 * Math.sin(x / (170 + 30 * band)) * Math.cos(y / 230) + 30 * Math.sin((x + y) / 41);
        pixels[index] = Math.max(1, Math.min(255, shape + (seed >>> 28)));
      }
      await dataset.bands.get(band).pixels.writeAsync(0, top, size, height, pixels);
    }
  }
  await dataset.flushAsync();
  dataset.close();
}
