const outerBand = /^ {2}<VRTRasterBand .*?^ {2}<\/VRTRasterBand>\n/gms;
const outerBands = /^ {2}<VRTRasterBand .*^ {2}<\/VRTRasterBand>\n/ms;

/**
 * A VRT, as gdal_translate writes it, whose bands have overviews: the bands of the same number in other files beside it,
 * which have their masks with them.
 */
export function withOverviews(vrt: string, files: readonly string[]): string {
  return vrt.replace(outerBands, (bands) => {
    const ends = bands.split(/(?=^ {2}<\/VRTRasterBand>)/m);
    return ends.map((text, index) => (index === ends.length - 1 ? text : text + overviews(files, index + 1))).join('');
  });
}

function overviews(files: readonly string[], band: number): string {
  const source = (file: string) =>
    `<SourceFilename relativeToVRT="1">${file}</SourceFilename><SourceBand>${band}</SourceBand>`;
  return files.map((file) => `    <Overview>${source(file)}</Overview>\n`).join('');
}

/** One VRT with the bands of all, in order, and what else the first has: its mask, its place. */
export function joinedBands(vrts: readonly string[]): string {
  const bands = vrts
    .flatMap((vrt) => vrt.match(outerBand) ?? [])
    .map((band, index) => band.replace(/ band="\d+"/, ` band="${index + 1}"`));
  return (vrts[0] ?? '').replace(outerBands, () => bands.join(''));
}
