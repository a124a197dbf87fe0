/** The tile matrix set WebMercatorQuad with tiles of 256 pixels; https://docs.ogc.org/is/17-083r4/17-083r4.html */

type Box = readonly [number, number, number, number];

/** Tile columns and rows, both ends included; nothing where an end is before its start. */
export interface TileRange {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Half the side of the square world in metres. */
const half = Math.PI * 6_378_137;
const tileSize = 256;
const deepest = 24;
/** Degrees at an edge that count as rounding: 0.1 mm. */
const epsilon = 1e-9;

/** Tiles of which the box (degrees) covers something; one that it only touches is none. Nothing beyond the square world. */
export function tilesInside([west, south, east, north]: Box, zoom: number): TileRange {
  const last = 2 ** zoom - 1;
  return {
    left: Math.max(0, Math.floor(column(west + epsilon, zoom))),
    right: Math.min(last, Math.floor(column(east - epsilon, zoom))),
    top: Math.max(0, Math.floor(row(north - epsilon, zoom))),
    bottom: Math.min(last, Math.floor(row(south + epsilon, zoom))),
  };
}

function column(longitude: number, zoom: number): number {
  return ((longitude + 180) / 360) * 2 ** zoom;
}

/** Spherical Mercator, EPSG method 1024; beyond the world at the poles. */
function row(latitude: number, zoom: number): number {
  const radians = (Math.max(-90, Math.min(90, latitude)) * Math.PI) / 180;
  return (1 - Math.asinh(Math.tan(radians)) / Math.PI) * 2 ** (zoom - 1);
}

/** One digit a zoom from 1 on, by https://learn.microsoft.com/bingmaps/articles/bing-maps-tile-system; '' at zoom 0. */
export function quadkeyOf([x, y]: readonly [number, number], zoom: number): string {
  let key = '';
  for (let level = zoom - 1; level >= 0; level -= 1) {
    key += (Math.floor(x / 2 ** level) % 2) | ((Math.floor(y / 2 ** level) % 2) << 1);
  }
  return key;
}

/** A raster as it would lie in Web Mercator: pixels, and metres a pixel. */
export interface MercatorSize {
  readonly width: number;
  readonly height: number;
  readonly resolution: number;
}

/** Zoom of its pixels, and of its smallest overview, the first whose shorter side fits into a tile. */
export function zoomsOf({ width, height, resolution }: MercatorSize): { minzoom: number; maxzoom: number } {
  let decimation = 1;
  while (Math.min(Math.floor(width / decimation), Math.floor(height / decimation)) > tileSize) decimation *= 2;
  return { minzoom: zoomFor(resolution * decimation), maxzoom: zoomFor(resolution) };
}

/** The zoom whose resolution is nearest by ratio: the rule of GDAL's COG driver (ZOOM_LEVEL_STRATEGY=AUTO). */
function zoomFor(resolution: number): number {
  const of = (zoom: number) => (2 * half) / tileSize / 2 ** zoom;
  const same = (zoom: number) => Math.abs(resolution - of(zoom)) / of(zoom) <= 1e-8;
  let zoom = 0;
  while (zoom < deepest && resolution <= of(zoom) && !same(zoom)) zoom += 1;
  if (zoom === 0 || same(zoom)) return zoom;
  return of(zoom - 1) / resolution < resolution / of(zoom) ? zoom - 1 : zoom;
}
