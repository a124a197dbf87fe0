import gdal from 'gdal-async';

/** Writes a GeoTIFF of 3 x 2 pixels, one byte each: 1 to 6. */
export function writeTinyRaster(file: string): string {
  const dataset = gdal.open(file, 'w', 'GTiff', 3, 2, 1, gdal.GDT_Byte);
  dataset.bands.get(1).pixels.write(0, 0, 3, 2, Uint8Array.of(1, 2, 3, 4, 5, 6));
  dataset.close();
  return file;
}
