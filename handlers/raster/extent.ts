import type { Gdal } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';

type Point = readonly [number, number];
type Grid = Pick<RasterFacts, 'width' | 'height' | 'geoTransform'>;

/** [min x, min y, max x, max y] of the four corners. */
export function boundsOf(grid: Grid): [number, number, number, number] {
  return envelope(edgePoints(grid, 1));
}

/** Points along the raster's edge, `perSide` to a side, in units of its CRS. */
export function edgePoints(grid: Grid, perSide: number): Point[] {
  const { width, height } = grid;
  const steps = Array.from({ length: perSide }, (_, step) => step / perSide);
  const pixels: Point[] = [
    ...steps.map((t): Point => [t * width, 0]),
    ...steps.map((t): Point => [width, t * height]),
    ...steps.map((t): Point => [(1 - t) * width, height]),
    ...steps.map((t): Point => [0, (1 - t) * height]),
  ];
  return pixels.map(([column, row]) => toPlace(grid, column, row));
}

/** GDAL's affine geotransform: x = g0 + c g1 + r g2, y = g3 + c g4 + r g5. */
function toPlace({ geoTransform: g }: Grid, column: number, row: number): Point {
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0] = g;
  return [g0 + column * g1 + row * g2, g3 + column * g4 + row * g5];
}

/** How a raster lies on the globe. */
export interface GlobeExtent {
  /** [west, south, east, north] in degrees; west > east where it crosses the antimeridian. */
  readonly bbox: [number, number, number, number];
  readonly crossesAntimeridian: boolean;
}

/** Degrees; the bit less is for rounding. */
const wholeGlobe = 360 - 1e-9;

/** The extent of a raster's edge in degrees, by 21 points between corners as in PROJ's proj_trans_bounds; null when none can be told. */
export async function globeExtent(gdal: Gdal, grid: Grid, crs: string): Promise<GlobeExtent | null> {
  const points = (await gdal.transformPoints(crs, 'EPSG:4326', edgePoints(grid, 22))).filter((point) => point !== null);
  const raw = points.filter(([x, y]) => Number.isFinite(x + y));
  if (raw.length === 0) return null;
  const finite = raw.map(([x, y]): Point => [onGlobe(x), y]);
  const plain = envelope(finite);
  const poles = await polesInside(gdal, grid, crs);
  if (poles.length > 0) {
    const latitudes = [plain[1], plain[3], ...poles];
    return { bbox: [-180, Math.min(...latitudes), 180, Math.max(...latitudes)], crossesAntimeridian: false };
  }
  const [first, , last] = envelope(raw);
  if (last - first >= wholeGlobe) return { bbox: [-180, plain[1], 180, plain[3]], crossesAntimeridian: false };
  const shifted = envelope(finite.map(([x, y]): Point => [x < 0 ? x + 360 : x, y]));
  // Of the two ways round the globe the shorter one is meant; a raster around a pole is as wide either way.
  if (plain[2] - plain[0] > 180 && shifted[2] - shifted[0] < 180) {
    const [west, south, east, north] = shifted;
    return {
      bbox: [west > 180 ? west - 360 : west, south, east > 180 ? east - 360 : east, north],
      crossesAntimeridian: true,
    };
  }
  return { bbox: plain, crossesAntimeridian: false };
}

/** Longitudes may count on beyond 180, as in a raster from 0 to 360. */
function onGlobe(longitude: number): number {
  if (longitude >= -180 && longitude <= 180) return longitude;
  return ((((longitude + 180) % 360) + 360) % 360) - 180;
}

/** Latitudes of the poles that lie inside of the raster: its edge does not show them. */
async function polesInside(gdal: Gdal, grid: Grid, crs: string): Promise<number[]> {
  const latitudes = [90, -90];
  const places = await gdal.transformPoints(
    'EPSG:4326',
    crs,
    latitudes.map((latitude): Point => [0, latitude]),
  );
  return latitudes.filter((_, index) => contains(grid, places[index] ?? null));
}

function contains({ width, height, geoTransform: g }: Grid, place: Point | null): boolean {
  if (!place) return false;
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0] = g;
  const [x, y] = [place[0] - g0, place[1] - g3];
  const area = g1 * g5 - g2 * g4;
  const [column, row] = [(x * g5 - y * g2) / area, (y * g1 - x * g4) / area];
  return column > 0 && column < width && row > 0 && row < height;
}

function envelope(points: readonly Point[]): [number, number, number, number] {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
