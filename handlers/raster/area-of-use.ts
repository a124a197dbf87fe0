import { CoreMachineError } from '../../core/errors.ts';
import type { CrsDescription, Gdal } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import { boundsOf, globeExtent } from './extent.ts';
import type { RasterWarning } from './schemas.ts';
import { warning } from './warnings.ts';

type Grid = Pick<RasterFacts, 'width' | 'height' | 'geoTransform'>;
type Box = readonly [number, number, number, number];

/** Satellite scenes in UTM overlap the neighbouring zones by a few degrees. */
const toleranceDegrees = 3;

/**
 * A warning when the raster lies outside of what its CRS is made for: often a wrong CRS or swapped axes. Throws
 * RASTER_UNSUPPORTED when no point of it lies on the globe.
 */
export async function placeWarnings(
  gdal: Gdal,
  grid: Grid,
  crs: CrsDescription & { readonly name: string },
): Promise<RasterWarning[]> {
  const extent = await globeExtent(gdal, grid, crs.name);
  if (!extent) {
    const message = `no point of the raster's edge can be transformed to EPSG:4326 from ${crs.authorityCode ?? 'its CRS'}`;
    throw new CoreMachineError('RASTER_UNSUPPORTED', message);
  }
  if (!crs.areaOfUse) return [];
  const outside = crs.projected
    ? isOutside(extent.bbox, crs.areaOfUse, toleranceDegrees)
    : leaves(boundsOf(grid), crs.areaOfUse, Math.abs(grid.geoTransform[1] ?? 0) + 0.01);
  if (!outside) return [];
  const shown = (box: readonly number[]) => `[${box.map((value) => value.toFixed(2)).join(', ')}]`;
  const found = crs.projected ? extent.bbox : boundsOf(grid);
  const message = `the bounds ${shown(found)} lie outside of the CRS's area of use ${shown(crs.areaOfUse)}`;
  return [warning('SUSPICIOUS_BOUNDS', message)];
}

/** Boxes in degrees, either of which may lie over the antimeridian, with west > east. */
export function isOutside(box: Box, area: Box, tolerance: number): boolean {
  const [west, south, east, north] = area;
  const [left, bottom, right, top] = box;
  if (bottom < south - tolerance || top > north + tolerance) return true;
  const areaWidth = eastward(west, east) + 2 * tolerance;
  if (areaWidth >= 360) return false;
  const start = eastward(west - tolerance, left);
  return start + eastward(left, right) > areaWidth;
}

/** Degrees from one meridian to the other, going east; 0 to 360. */
function eastward(from: number, to: number): number {
  const degrees = (to - from) % 360;
  if (degrees === 0 && to > from) return 360;
  return degrees < 0 ? degrees + 360 : degrees;
}

/** For geographic systems, where longitudes from 0 to 360 are a different thing from -180 to 180. */
function leaves(box: Box, area: Box, tolerance: number): boolean {
  const [west, south, east, north] = area;
  const [left, bottom, right, top] = box;
  const overLatitudes = bottom < south - tolerance || top > north + tolerance;
  // West > east: the area itself lies over the antimeridian.
  return overLatitudes || (west <= east && (left < west - tolerance || right > east + tolerance));
}
