import { CoreMachineError } from '../../core/errors.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import type { GlobeExtent } from './extent.ts';

type Point = readonly [number, number];
export type Box = readonly [number, number, number, number];
type Grid = Pick<RasterFacts, 'width' | 'height' | 'geoTransform'>;

/** A grid in the target CRS that GDAL is told instead of choosing one. */
export interface TargetGrid {
  /** [min x, min y, max x, max y] in units of the target. */
  readonly bounds: Box;
  readonly width: number;
  readonly height: number;
}

/** Half the side of Web Mercator's square world in metres; its latitudes end at 85.06 degrees for that. */
const mercatorHalf = 20_037_508.342789244;
const mercatorNorth = 85.05112877980659;
/** More pixels than this many times the source's are a sign that the target does not suit the raster. */
const mostGrowth = 64;
/** So that a raster of few pixels may grow all the same. */
const alwaysAllowed = 16_777_216;

/**
 * A grid of our own where the one that GDAL suggests is no use: it spreads the diagonal of the raster evenly, which
 * gives a raster of 600 x 700 km around a pole eleven rows, and one of the whole world in Web Mercator, whose poles are
 * infinitely far away, pixels of 500 km. Null where GDAL's is right. Throws RASTER_UNSUPPORTED for a raster beyond
 * the latitudes of Web Mercator.
 */
export async function ownGrid(
  gdal: Gdal,
  grid: Grid,
  place: { readonly sourceCrs: string; readonly targetCrs: string; readonly extent: GlobeExtent | null },
): Promise<TargetGrid | null> {
  const bounds = place.extent && boundsIn(place.targetCrs, place.extent);
  if (!bounds) return null;
  const corners = samplePixels(grid);
  const placed = await gdal.transformPoints(place.sourceCrs, place.targetCrs, corners.flat());
  const resolution = finest(corners.map((_, index) => placed.slice(index * 3, index * 3 + 3)));
  if (!resolution) throw beyond(place.targetCrs);
  return gridOf(bounds, resolution, grid);
}

/** A grid of degrees that counts beyond 180, brought back to where maps expect it. */
export interface Turned extends TargetGrid {
  /** True: the whole globe, whose eastern half is put before its western one. False: the raster moves as it is. */
  readonly wholeGlobe: boolean;
}

/** For a raster in degrees from 0 to 360, or all of it beyond 180: the same pixels between -180 and 180. Else null. */
export function turnedBack({ width, height, geoTransform: g }: Grid): Turned | null {
  const [west = 0, dx = 0, , north = 0, , dy = 0] = g;
  const [east, south] = [west + width * dx, north + height * dy];
  const wholeGlobe = Math.abs(east - west - 360) < dx / 1000;
  if (wholeGlobe && east > 180 + dx) {
    // By whole pixels, so that every value stays what it is.
    const left = west - Math.round(180 / dx) * dx;
    return { bounds: [left, south, left + 360, north], width, height, wholeGlobe };
  }
  if (wholeGlobe || west < 180 - dx) return null;
  return { bounds: [west - 360, south, east - 360, north], width, height, wholeGlobe };
}

/** What one turn round the globe is in units of a CRS whose rasters may go on beyond the antimeridian. */
const turns: Readonly<Record<string, number>> = { 'EPSG:4326': 360, 'EPSG:3857': 2 * mercatorHalf };

/** A part of such a raster that lies beyond the antimeridian as a whole, brought back; null: it stays where it is. */
export function broughtBack({ bounds, width, height }: TargetGrid, targetCrs: string): TargetGrid | null {
  const [left, bottom, right, top] = bounds;
  const turn = turns[targetCrs];
  if (turn === undefined || left < turn / 2) return null;
  return { bounds: [left - turn, bottom, right - turn, top], width, height };
}

/** The bounds of a raster that needs a grid of its own, within what the target can show; null: it needs none. */
export function boundsIn(targetCrs: string, { bbox }: GlobeExtent): Box | null {
  const [west, south, east, north] = bbox;
  const aroundPole = west === -180 && east === 180 && (south === -90 || north === 90);
  if (targetCrs === 'EPSG:4326') return aroundPole ? bbox : null;
  if (targetCrs !== 'EPSG:3857' || (south > -mercatorNorth && north < mercatorNorth)) return null;
  if (south >= mercatorNorth || north <= -mercatorNorth) throw beyond(targetCrs);
  // Over the antimeridian x goes on beyond the end of the world.
  const [left, right] = [metresEast(west), metresEast(east < west ? east + 360 : east)];
  return [left, metresNorth(Math.max(south, -mercatorNorth)), right, metresNorth(Math.min(north, mercatorNorth))];
}

/** As many pixels as the finest detail needs. */
export function gridOf(bounds: Box, [dx, dy]: Point, source: Pick<Grid, 'width' | 'height'>): TargetGrid {
  const [left, bottom, right, top] = bounds;
  const width = Math.max(1, Math.round((right - left) / dx));
  const height = Math.max(1, Math.round((top - bottom) / dy));
  if (width * height > Math.max(alwaysAllowed, mostGrowth * source.width * source.height)) {
    const message = `the raster would become ${width} x ${height} pixels in the target CRS; choose another target_crs`;
    throw new CoreMachineError('RASTER_UNSUPPORTED', message);
  }
  return { bounds, width, height };
}

/** Of 9 x 9 pixels across the raster: the upper left corner, and the ones to the right of it and below. */
function samplePixels({ width, height, geoTransform: g }: Grid): Point[][] {
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0] = g;
  const at = (column: number, row: number): Point => [g0 + column * g1 + row * g2, g3 + column * g4 + row * g5];
  return Array.from({ length: 81 }, (_, index) => {
    const [column, row] = [((index % 9) / 8) * (width - 1), (Math.floor(index / 9) / 8) * (height - 1)];
    return [at(column, row), at(column + 1, row), at(column, row + 1)];
  });
}

/** The least change of x and of y with one pixel, in whatever direction of the raster. */
function finest(pixels: readonly (readonly (Point | null)[])[]): Point | null {
  const steps = pixels.flatMap(([corner, right, below]): Point[] => {
    if (!corner || !right || !below) return [];
    const along = (axis: 0 | 1) => Math.hypot(right[axis] - corner[axis], below[axis] - corner[axis]);
    return [[along(0), along(1)]];
  });
  const least = (axis: 0 | 1) => Math.min(...steps.map((step) => step[axis]).filter((step) => step > 0));
  const [dx, dy] = [least(0), least(1)];
  return Number.isFinite(dx) && Number.isFinite(dy) ? [dx, dy] : null;
}

function metresEast(longitude: number): number {
  return (longitude / 180) * mercatorHalf;
}

/** Spherical Mercator, EPSG method 1024. */
function metresNorth(latitude: number): number {
  const radians = (latitude * Math.PI) / 180;
  return (Math.asinh(Math.tan(radians)) / Math.PI) * mercatorHalf;
}

function beyond(targetCrs: string): CoreMachineError {
  return new CoreMachineError(
    'RASTER_UNSUPPORTED',
    `the raster lies where ${targetCrs} shows nothing; choose another target_crs`,
  );
}
