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

/** Degrees: less than this is rounding. */
const rounding = 1e-9;

/** The extent of a raster's edge in degrees, by 21 points between corners as in PROJ's proj_trans_bounds; null when none can be told. */
export async function globeExtent(gdal: Gdal, grid: Grid, crs: string): Promise<GlobeExtent | null> {
  const placed = await gdal.transformPoints(crs, 'EPSG:4326', edgePoints(grid, 22));
  const points = placed.filter((point) => point !== null && Number.isFinite(point[0] + point[1])) as Point[];
  const [first] = points;
  if (!first) return null;
  const poles = await polesInside(gdal, grid, crs);
  const longitudes = inOneWay([...points.map(([x]) => x), first[0]], 360);
  const latitudes = points.map(([, y]) => y);
  // The way along the edge goes once round the globe: round a pole, if one that lies on the edge itself.
  const aroundGlobe = Math.abs((longitudes.at(-1) ?? 0) - (longitudes[0] ?? 0)) > 180;
  if (aroundGlobe && poles.length === 0) poles.push(Math.max(...latitudes) > -Math.min(...latitudes) ? 90 : -90);
  const [south, north] = ends([...latitudes, ...poles]);
  const [west, east] = ends(longitudes);
  if (poles.length > 0 || east - west >= 360 - rounding) {
    return { bbox: [-180, south, 180, north], crossesAntimeridian: false };
  }
  // Longitudes may count on beyond 180, as in a raster from 0 to 360.
  const turns = 360 * Math.floor((west + 180 + rounding) / 360);
  const [start, end] = [Math.max(-180, west - turns), east - turns];
  const crossesAntimeridian = end > 180 + rounding;
  return { bbox: [start, south, crossesAntimeridian ? end - 360 : Math.min(end, 180), north], crossesAntimeridian };
}

/** Positions along a line round something, `turn` long (or endless): each the shorter way from the one before. */
export function inOneWay(positions: readonly number[], turn: number): number[] {
  let last = positions[0] ?? 0;
  return positions.map((position) => {
    const turns = Math.round((position - last) / turn);
    last = turns === 0 ? position : position - turns * turn;
    return last;
  });
}

function ends(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
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
  // In degrees the pole is the edge itself, but for rounding.
  const isWithin = (at: number, size: number) => at > size * 1e-9 && at < size * (1 - 1e-9);
  return isWithin(column, width) && isWithin(row, height);
}

function envelope(points: readonly Point[]): [number, number, number, number] {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
