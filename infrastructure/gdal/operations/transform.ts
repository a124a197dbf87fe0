import gdal, { type SpatialReference } from 'gdal-async';
import type { Operations } from '../protocol.ts';
import { parseCrs, withGisAxisOrder } from './crs.ts';

export function transformPoints(input: Operations['transform']['input']): Float64Array | null {
  return withGisAxisOrder(() => {
    const from = parseCrs(input.from);
    const to = parseCrs(input.to);
    if (!from || !to) return null;
    const output = new Float64Array(input.points.length).fill(Number.NaN);
    const transformation = transformationBetween(from, to);
    if (!transformation) return output;
    for (let index = 0; index + 1 < input.points.length; index += 2) {
      const [x, y] = transformPoint(transformation, input.points[index], input.points[index + 1]);
      output[index] = x;
      output[index + 1] = y;
    }
    return output;
  });
}

/** null where PROJ knows no way from one to the other, e.g. from the Moon to the Earth: all points fail. */
function transformationBetween(from: SpatialReference, to: SpatialReference): gdal.CoordinateTransformation | null {
  try {
    return new gdal.CoordinateTransformation(from, to);
  } catch {
    return null;
  }
}

const failed = [Number.NaN, Number.NaN] as const;

function transformPoint(
  transformation: gdal.CoordinateTransformation,
  x: number | undefined,
  y: number | undefined,
): readonly [number, number] {
  if (x === undefined || y === undefined || !Number.isFinite(x) || !Number.isFinite(y)) return failed;
  try {
    const point = transformation.transformPoint(x, y);
    return Number.isFinite(point.x) && Number.isFinite(point.y) ? [point.x, point.y] : failed;
  } catch {
    return failed;
  }
}
