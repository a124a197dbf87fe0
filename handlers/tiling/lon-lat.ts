import type { JsonObject } from '../../core/json.ts';

export type LonLat = readonly [number, number];

/** Edge points of a rectangle, `perSide` to a side, from the lower left corner against the clock. */
export function outlineOf(bounds: readonly [number, number, number, number], perSide: number): LonLat[] {
  const [left, bottom, right, top] = bounds;
  const steps = Array.from({ length: perSide }, (_, step) => step / perSide);
  const between = (from: number, to: number, t: number) => (t === 0 ? from : from + (to - from) * t);
  return [
    ...steps.map((t): LonLat => [between(left, right, t), bottom]),
    ...steps.map((t): LonLat => [right, between(bottom, top, t)]),
    ...steps.map((t): LonLat => [between(right, left, t), top]),
    ...steps.map((t): LonLat => [left, between(top, bottom, t)]),
  ];
}

/**
 * GeoJSON of an outline in degrees, cut at the antimeridian as RFC 7946 (3.1.9) wants; null where too little of it can
 * be placed on the globe.
 */
export function geoJsonOf(points: readonly (LonLat | null)[]): JsonObject | null {
  const known = points.filter((point) => point !== null);
  if (known.length < 3) return null;
  const spread = extentOf(known);
  // Of the two ways round the globe the shorter one is meant.
  const wrapped = spread.east - spread.west > 180 && spread.east <= 180;
  const turned = wrapped ? known.map(([x, y]): LonLat => [x < 0 ? x + 360 : x, y]) : known;
  const { west, east } = extentOf(turned);
  if (east <= 180) return polygon([turned]);
  if (west >= 180) return polygon([shifted(turned)]);
  return polygon([clipped(turned, (x) => x <= 180), shifted(clipped(turned, (x) => x >= 180))]);
}

function extentOf(points: readonly LonLat[]): { west: number; east: number } {
  const longitudes = points.map(([x]) => x);
  return { west: Math.min(...longitudes), east: Math.max(...longitudes) };
}

function shifted(points: readonly LonLat[]): LonLat[] {
  return points.map(([x, y]): LonLat => [x - 360, y]);
}

/** Sutherland-Hodgman against the line of 180 degrees. */
function clipped(points: readonly LonLat[], inside: (x: number) => boolean): LonLat[] {
  return points.flatMap((point, index): LonLat[] => {
    const before = points.at(index - 1) ?? point;
    const crossing = inside(before[0]) === inside(point[0]) ? [] : [crossingOf(before, point)];
    return inside(point[0]) ? [...crossing, point] : crossing;
  });
}

function crossingOf([x1, y1]: LonLat, [x2, y2]: LonLat): LonLat {
  return [180, x1 === x2 ? y1 : y1 + ((180 - x1) / (x2 - x1)) * (y2 - y1)];
}

function polygon(outlines: readonly (readonly LonLat[])[]): JsonObject {
  const rings = outlines.map((outline) => [...outline, ...outline.slice(0, 1)].map(([x, y]) => [x, y]));
  const [only] = rings;
  if (rings.length === 1 && only) return { type: 'Polygon', coordinates: [only] };
  return { type: 'MultiPolygon', coordinates: rings.map((ring) => [ring]) };
}
