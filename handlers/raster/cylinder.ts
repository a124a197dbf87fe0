import { CoreMachineError } from '../../core/errors.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import type { GlobeExtent } from './extent.ts';

type Point = readonly [number, number];

/** A CRS in which one turn round the globe is a step in x: degrees, or a cylindrical projection of the whole globe. */
export interface Cylinder {
  /** One turn round the globe in units of the CRS. */
  readonly turn: number;
  /** Degrees: where x begins, and after one turn ends. */
  readonly seam: number;
  /** The x there. */
  readonly start: number;
  /** How y grows with the latitude: evenly; without end towards the poles, as in Mercator; or otherwise. */
  readonly rise: 'even' | 'endless' | 'other';
}

/** Half the side of Web Mercator's square world in metres; its latitudes end at 85.06 degrees for that. */
export const mercatorHalf = 20_037_508.342789244;

/** Known, so that nothing has to be asked about the usual targets. */
const usual: Readonly<Record<string, Cylinder>> = {
  'EPSG:4326': { turn: 360, seam: -180, start: -180, rise: 'even' },
  'EPSG:3857': { turn: 2 * mercatorHalf, seam: -180, start: -mercatorHalf, rise: 'endless' },
};

/** Null for any other CRS. */
export async function cylinderOf(gdal: Gdal, crs: string): Promise<Cylinder | null> {
  const known = usual[crs];
  if (known) return known;
  const described = await gdal.describeCrs(crs);
  if (!described?.wkt1) return null;
  const seam = westOf((numberIn(described.wkt1, meridian) ?? 0) + (numberIn(described.wkt1, primeMeridian) ?? 0) - 180);
  const found = measured(seam, await gdal.transformPoints('EPSG:4326', crs, probes(seam)));
  const isDegrees = found && !described.projected && Math.abs(found.turn - 360) < 360 * tolerance;
  return isDegrees ? { ...found, turn: 360, start: seam } : found;
}

const primeMeridian = /PRIMEM\["[^"]*",(-?[\d.]+)/;
const meridian = /PARAMETER\["(?:central_meridian|longitude_of_center)",(-?[\d.]+)/;
const falseEasting = /(PARAMETER\["false_easting",)(-?[\d.eE+]+)/;

function numberIn(wkt: string, pattern: RegExp): number | null {
  const found = pattern.exec(wkt)?.[1];
  return found === undefined ? null : Number(found);
}

/** Of the turn, or of y: what datums and ellipsoids may make of a difference. */
const tolerance = 1e-4;
const easts = [1, 90, 180, 270, 359];
const norths = [0, 40, 80, 90];

/** Along the equator, along another parallel, and up a meridian. */
function probes(seam: number): Point[] {
  const along = (latitude: number) => easts.map((east): Point => [westOf(seam + east), latitude]);
  return [...along(0), ...along(40), ...norths.map((north): Point => [westOf(seam + 180), north])];
}

function measured(seam: number, placed: readonly (Point | null)[]): Cylinder | null {
  const xs = placed.slice(0, 2 * easts.length).map((point) => point?.[0] ?? Number.NaN);
  const turn = (((xs[4] ?? 0) - (xs[0] ?? 0)) / 358) * 360;
  const start = (xs[0] ?? 0) - turn / 360;
  const wanted = [...easts, ...easts].map((east) => start + (east / 360) * turn);
  const fits = xs.every((x, index) => Math.abs(x - (wanted[index] ?? 0)) < tolerance * turn);
  return fits ? { turn, seam, start, rise: riseOf(placed.slice(-norths.length), turn) } : null;
}

function riseOf(up: readonly (Point | null)[], turn: number): Cylinder['rise'] {
  const [equator = 0, forty = 0, eighty = 0, pole] = up.map((point) => point?.[1] ?? Number.POSITIVE_INFINITY);
  if (pole === undefined || !(pole - equator < turn)) return 'endless';
  // An ellipsoid's meridian is no circle, by some thousandths.
  return Math.abs(eighty - 2 * forty + equator) < 0.01 * (eighty - equator) ? 'even' : 'other';
}

/** From -180 up to 180. */
function westOf(longitude: number): number {
  return longitude - 360 * Math.floor((longitude + 180) / 360);
}

/** x at the ends of an extent, both counted from its west: the east may lie beyond the end of the CRS. */
export function acrossOf({ turn, seam, start }: Cylinder, { bbox: [west, , east] }: GlobeExtent): [number, number] {
  const from = west - 360 * Math.floor((west - seam + rounding) / 360);
  const width = east < west ? east - west + 360 : east - west;
  if (width >= 360 - rounding) return [start, start + turn];
  const left = start + ((from - seam) / 360) * turn;
  return [left, left + (width / 360) * turn];
}

/** The x between two others, if any, where the CRS ends and what lies beyond is shown at its other end. */
export function seamBetween(left: number, right: number, { turn, start }: Cylinder): number | null {
  const seam = start + (Math.floor((left - start) / turn) + 1) * turn;
  return seam < right ? seam : null;
}

/** Degrees: less than this is rounding. */
const rounding = 1e-9;

/**
 * A CRS like `crs` in which the extent lies in one piece, its x going on beyond the end of the CRS. Null where it lies in
 * one piece anyway. Throws RASTER_UNSUPPORTED where there is none.
 */
export async function beyondSeam(
  gdal: Gdal,
  crs: string,
  cylinder: Cylinder,
  extent: GlobeExtent,
): Promise<string | null> {
  const { turn, seam, start } = cylinder;
  const [left, right] = acrossOf(cylinder, extent);
  if (right <= start + turn * (1 + rounding)) return null;
  const degrees = (x: number) => seam + ((x - start) / turn) * 360;
  // About the seam, unless the raster reaches further than half a turn from it.
  const isNear = left >= start + turn / 2 && right <= start + 1.5 * turn;
  const middle = isNear ? seam + 360 : Math.round(degrees((left + right) / 2));
  const definition = await aroundMeridian(gdal, crs, cylinder, middle);
  const ends = [-179, 0, 179].map((east): Point => [westOf(middle + east), 0]);
  const placed = definition === null ? [] : await gdal.transformPoints('EPSG:4326', definition, ends);
  const wanted = [-179, 0, 179].map((east) => start + ((middle + east - seam) / 360) * turn);
  if (definition !== null && placed.every((at, i) => at && Math.abs(at[0] - (wanted[i] ?? 0)) < tolerance * turn)) {
    return definition;
  }
  const message = `the raster lies over the meridian where ${crs} begins and ends; choose another target_crs`;
  throw new CoreMachineError('RASTER_UNSUPPORTED', message);
}

/** The CRS with half a turn to both sides of a meridian, its x going on as it would. */
async function aroundMeridian(gdal: Gdal, crs: string, cylinder: Cylinder, middle: number): Promise<string | null> {
  const { turn, seam } = cylinder;
  if (crs === 'EPSG:4326') return `+proj=longlat +datum=WGS84 +lon_wrap=${middle} +no_defs +type=crs`;
  if (crs === 'EPSG:3857') {
    const east = middle === 180 ? mercatorHalf : (middle / 360) * turn;
    return `+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=${middle} +x_0=${east} +y_0=0 +k=1 +units=m +nadgrids=@null +wktext +no_defs +type=crs`;
  }
  const described = await gdal.describeCrs(crs);
  const wkt = described?.wkt1;
  if (!wkt) return null;
  if (!described.projected) return wrappedAround(wkt, middle);
  const moved = middle - (seam + 180);
  const central = (numberIn(wkt, meridian) ?? 0) + moved;
  return wkt
    .replace(meridian, (found) => found.replace(/[^,]+$/, String(central)))
    .replace(falseEasting, (_, name: string, east: string) => `${name}${Number(east) + (moved / 360) * turn}`);
}

/**
 * GDAL's form of +lon_wrap for a definition that keeps its datum. With a name of its own: by that GDAL tells its
 * transformations from those of another meridian, which it may still have.
 */
function wrappedAround(wkt: string, middle: number): string {
  return wkt
    .replace(/^\w+\["[^"]*/, (begin) => `${begin} around ${middle}`)
    .replace(/\]$/, `,EXTENSION["CENTER_LONG","${middle}"]]`);
}
