/** Formats by the extension of the file, and the GDAL drivers that may open it; `csv` is read by our own. */
export const vectorFormats = {
  csv: 'csv',
  geojson: ['GeoJSON', 'GeoJSONSeq', 'TopoJSON', 'ESRIJSON'],
  json: ['GeoJSON', 'GeoJSONSeq', 'TopoJSON', 'ESRIJSON'],
  gpkg: ['GPKG'],
  kml: ['LIBKML', 'KML'],
  kmz: ['LIBKML'],
  shp: ['ESRI Shapefile'],
  zip: ['ESRI Shapefile'],
  fgb: ['FlatGeobuf'],
} as const satisfies Readonly<Record<string, 'csv' | readonly string[]>>;

export type VectorExtension = keyof typeof vectorFormats;

export const vectorExtensions = Object.keys(vectorFormats) as readonly VectorExtension[];

/** The extension a blob's name says; null when it is none of ours. */
export function extensionOf(blobName: string): VectorExtension | null {
  const extension = /\.([^./]+)$/.exec(blobName)?.[1]?.toLowerCase() ?? '';
  return vectorExtensions.find((known) => known === extension) ?? null;
}

/** Files that belong to a shapefile, by the name of its .shp. */
export function companionNames(blobName: string): string[] {
  if (!/\.shp$/i.test(blobName)) return [];
  const stem = blobName.slice(0, -4);
  const capitals = blobName.endsWith('.SHP');
  return ['.shx', '.dbf', '.prj', '.cpg'].map((ending) => stem + (capitals ? ending.toUpperCase() : ending));
}
