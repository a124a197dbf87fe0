import { CoreMachineError } from '../../core/errors.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import { acrossOf, type Cylinder } from './cylinder.ts';
import { edgePoints, type GlobeExtent } from './extent.ts';
import { stepPoints, stepsOf, suitedPixel } from './pixel-steps.ts';

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

/** Where Web Mercator's square world ends; other Mercators are cut there as well. */
const mercatorNorth = 85.05112877980659;
/** More pixels than this many times the source's are a sign that the target does not suit the raster. */
const mostGrowth = 64;
/** So that a raster of few pixels may grow all the same. */
const alwaysAllowed = 16_777_216;

export interface Place {
  readonly sourceCrs: string;
  readonly targetCrs: string;
  readonly extent: GlobeExtent | null;
  /** Of the target. */
  readonly cylinder: Cylinder | null;
  /** Shared with other rasters; null: the raster's own. */
  readonly pixelSize: Point | null;
}

/**
 * A grid of our own where the one that GDAL suggests is no use: it spreads the diagonal of the raster evenly, which
 * gives a raster of 600 x 700 km around a pole eleven rows, and one of the whole world in Web Mercator, whose poles are
 * infinitely far away, pixels of 500 km. Null where GDAL's is right. Throws RASTER_UNSUPPORTED for a raster beyond
 * the latitudes of a Mercator, and for one by a pole where other projections show next to nothing of it.
 */
export async function ownGrid(gdal: Gdal, grid: Grid, place: Place): Promise<TargetGrid | null> {
  const { sourceCrs, targetCrs, extent, cylinder } = place;
  if (!extent || !cylinder) return null;
  const bounds = boundsIn(cylinder, extent);
  const isWhole = isWholeTurn(cylinder, extent);
  if (!bounds && !isWhole && cylinder.rise === 'endless') return null;
  const placed = await gdal.transformPoints(sourceCrs, targetCrs, stepPoints(grid, 9));
  const steps = stepsOf(grid, placed, cylinder);
  if (bounds) {
    if (!steps) throw beyond(targetCrs);
    return gridOf(await withHeights(gdal, targetCrs, bounds, cylinder), steps.finest, grid);
  }
  if (!steps) return null;
  if (cylinder.rise === 'other' && steps.square > mostSquashed * Math.min(...steps.usual)) throw beyond(targetCrs);
  const [dx, dy] = suitedPixel(steps, cylinder);
  if (!(dx > 0) || (dx === dy && !isWhole) || place.pixelSize) return null;
  const edge = await gdal.transformPoints(sourceCrs, targetCrs, edgePoints(grid, 22));
  return gridOf(edgeBounds(edge, cylinder, extent), [dx, dy], grid);
}

/** Square pixels so many times the raster's own leave nothing of it. */
const mostSquashed = 16;

/** From latitudes to y. */
async function withHeights(
  gdal: Gdal,
  crs: string,
  [left, south, right, north]: Box,
  { seam }: Cylinder,
): Promise<Box> {
  const middle = seam < 0 ? seam + 180 : seam - 180;
  const placed = await gdal.transformPoints('EPSG:4326', crs, [
    [middle, south],
    [middle, north],
  ]);
  const [bottom, top] = placed.map((point) => point?.[1]);
  if (bottom === undefined || top === undefined) throw beyond(crs);
  return [left, bottom, right, top];
}

/** Wherever it begins in its own CRS, as from 0 to 360: in the target it fills all of the width. */
function isWholeTurn(cylinder: Cylinder, extent: GlobeExtent): boolean {
  const [left, right] = acrossOf(cylinder, extent);
  return right - left >= cylinder.turn;
}

function edgeBounds(edge: readonly (Point | null)[], cylinder: Cylinder, extent: GlobeExtent): Box {
  const { turn } = cylinder;
  const [left, right] = acrossOf(cylinder, extent);
  // What datums make of the ends must not put them one turn away.
  const first = left - (turn - (right - left)) / 2;
  const there = edge.filter((point) => point !== null);
  const xs = there.map(([x]) => x - turn * Math.floor((x - first) / turn));
  const ys = there.map(([, y]) => y);
  const whole = isWholeTurn(cylinder, extent);
  return [whole ? left : Math.min(...xs), Math.min(...ys), whole ? right : Math.max(...xs), Math.max(...ys)];
}

/** A grid that lies beyond the ends of its CRS, brought back to where maps expect it. */
export interface Turned extends TargetGrid {
  /** True: the whole globe, whose eastern half is put before its western one. False: the raster moves as it is. */
  readonly wholeGlobe: boolean;
}

/** For a raster in degrees from 0 to 360, or all of it beyond an end of its CRS: the same pixels within. Else null. */
export function turnedBack({ width, height, geoTransform: g }: Grid, { turn, start }: Cylinder): Turned | null {
  const [west = 0, dx = 0, , north = 0, , dy = 0] = g;
  const [east, south, end] = [west + width * dx, north + height * dy, start + turn];
  const wholeGlobe = Math.abs(east - west - turn) < dx / 1000;
  if (wholeGlobe && (east > end + dx || west < start - dx)) {
    // By whole pixels, so that every value stays what it is.
    const left = west - Math.round((west - start) / dx) * dx;
    return { bounds: [left, south, left + turn, north], width, height, wholeGlobe };
  }
  if (wholeGlobe) return null;
  const turns = turnsBeyond(west + dx, east - dx, { turn, start });
  return turns === 0
    ? null
    : { bounds: [west - turns * turn, south, east - turns * turn, north], width, height, wholeGlobe };
}

/** How many turns something lies beyond an end of the CRS as a whole, negative in the west; 0: no part of it, or only a part. */
function turnsBeyond(left: number, right: number, { turn, start }: Pick<Cylinder, 'turn' | 'start'>): number {
  if (left >= start + turn) return Math.floor((left - start) / turn);
  return right <= start ? Math.ceil((right - start) / turn) - 1 : 0;
}

/** A part of such a raster that lies beyond the end of the CRS as a whole, brought back; null: it stays where it is. */
export function broughtBack({ bounds, width, height }: TargetGrid, cylinder: Cylinder): TargetGrid | null {
  const [left, bottom, right, top] = bounds;
  const by = turnsBeyond(left, right, cylinder) * cylinder.turn;
  return by === 0 ? null : { bounds: [left - by, bottom, right - by, top], width, height };
}

/**
 * [left, south, right, north] of a raster that needs a grid of its own, within what the target can show: x in its units, and
 * latitudes. Null: it may need none. Throws RASTER_UNSUPPORTED for one that the target does not show.
 */
export function boundsIn(cylinder: Cylinder, extent: GlobeExtent): Box | null {
  const [west, south, east, north] = extent.bbox;
  const aroundPole = west === -180 && east === 180 && (south === -90 || north === 90);
  const [left, right] = acrossOf(cylinder, extent);
  if (cylinder.rise === 'even') return aroundPole ? [left, south, right, north] : null;
  if (cylinder.rise === 'other' || (south > -mercatorNorth && north < mercatorNorth)) return null;
  if (south >= mercatorNorth || north <= -mercatorNorth) throw beyond('the target CRS');
  return [left, Math.max(south, -mercatorNorth), right, Math.min(north, mercatorNorth)];
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

function beyond(targetCrs: string): CoreMachineError {
  return new CoreMachineError(
    'RASTER_UNSUPPORTED',
    `the raster lies where ${targetCrs} shows nothing; choose another target_crs`,
  );
}
