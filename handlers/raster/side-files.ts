/** World files by the extension of the raster they belong to; `.wld` goes with all of them. */
const worldFiles: Readonly<Record<string, readonly string[]>> = {
  '.tif': ['.tfw', '.tifw'],
  '.tiff': ['.tfw', '.tiffw'],
  '.png': ['.pgw', '.pngw'],
  '.jp2': ['.j2w', '.jp2w'],
  // Not world files: what does not fit into an Erdas .img, and the header of an ENVI one.
  '.img': ['.ige', '.hdr'],
};

/**
 * Names of the files that GDAL reads together with a raster: georeference, colours and masks that the format itself
 * does not hold. An extension in capitals has companions in capitals.
 */
export function sideFileNames(name: string, extension: string): string[] {
  const stem = name.slice(0, name.length - extension.length);
  const endings = [...(worldFiles[extension.toLowerCase()] ?? []), '.wld'];
  const capitals = extension !== extension.toLowerCase();
  const companions = endings.flatMap((ending) => (capitals ? [ending, ending.toUpperCase()] : [ending]));
  return [`${name}.aux.xml`, `${name}.msk`, ...companions.map((ending) => stem + ending)];
}
