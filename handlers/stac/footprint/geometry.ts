/** [x, y]: pixel corners, or longitude and latitude. */
export type Point = readonly [number, number];

/** Not closed: the first point is not repeated. */
export type Ring = readonly Point[];

/** The outer ring, then the holes. */
export type Polygon = readonly Ring[];

/** Signed area: positive when the points go round counter-clockwise with y up (clockwise with y down). */
export function area(ring: Ring): number {
  const [fromX, fromY] = ring[0] ?? [0, 0];
  let twice = 0;
  for (const [index, [x, y]] of ring.entries()) {
    const [nextX, nextY] = at(ring, index + 1);
    // From one of the corners: of millimetres at 50 degrees nothing is left in products of whole degrees.
    twice += (x - fromX) * (nextY - fromY) - (nextX - fromX) * (y - fromY);
  }
  return twice / 2;
}

/** By crossing number; points on the ring itself may fall to either side. */
export function contains(ring: Ring, [px, py]: Point): boolean {
  let inside = false;
  for (const [index, [x, y]] of ring.entries()) {
    const [nextX, nextY] = at(ring, index + 1);
    if (y > py !== nextY > py && px < ((nextX - x) * (py - y)) / (nextY - y) + x) inside = !inside;
  }
  return inside;
}

/** The point at an index that may go past the end. */
export function at(ring: Ring, index: number): Point {
  const point = ring[index % ring.length];
  if (!point) throw new Error('a ring without points');
  return point;
}

export function extentOf(points: Iterable<Point>): readonly [number, number, number, number] {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    west = Math.min(west, x);
    south = Math.min(south, y);
    east = Math.max(east, x);
    north = Math.max(north, y);
  }
  return [west, south, east, north];
}
