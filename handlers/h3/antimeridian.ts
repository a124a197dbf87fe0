import type { LandPolygon } from '../../core/ports/grid-store.ts';
import { area, type Point, type Ring } from '../stac/footprint/geometry.ts';
import { cutAtAntimeridian, unwrapped } from '../stac/footprint/globe.ts';

/** Square degrees of a ring that encloses nothing. */
const nothing = 1e-9;

/**
 * A polygon as parts that end at the antimeridian. A side of more than 180 degrees goes over it, and a ring may go round a
 * pole. A box from -180 to 180 is what it looks like: it would be nothing at all the other way round.
 */
export function onTheMap({ rings, countryCode }: LandPolygon): LandPolygon[] {
  const open = rings.map(opened);
  const polygon = open.map(unwrapped);
  if (Math.abs(area(polygon[0] ?? [])) < nothing) return [{ rings: open, countryCode }];
  return cutAtAntimeridian(polygon).map((part) => ({ rings: part, countryCode }));
}

/** Without the last point where it repeats the first. */
function opened(ring: readonly Point[]): Ring {
  const [first, last] = [ring[0], ring.at(-1)];
  const isClosed = ring.length > 1 && first?.[0] === last?.[0] && first?.[1] === last?.[1];
  return isClosed ? ring.slice(0, -1) : ring;
}
