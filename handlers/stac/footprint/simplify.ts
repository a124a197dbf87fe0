import { at, contains, extentOf, type Point, type Polygon, type Ring } from './geometry.ts';

/**
 * Douglas-Peucker on closed rings: no point that is left out lies further than `tolerance` from what is left. Rings
 * that would cross themselves or each other are simplified less, in the end not at all.
 */
export function simplified(polygons: readonly Polygon[], tolerance: number): readonly Polygon[] {
  for (let allowed = tolerance; allowed > tolerance / 20; allowed /= 2) {
    const candidate = polygons.map((polygon) => polygon.map((ring) => simplifiedRing(ring, allowed)));
    if (candidate.every(isWhole) && !haveCrossings(candidate.flat())) return candidate;
  }
  return polygons;
}

/** Rings that enclose something, and holes that lie within. */
function isWhole([outer = [], ...holes]: Polygon): boolean {
  return [outer, ...holes].every((ring) => ring.length >= 3) && holes.every((hole) => contains(outer, at(hole, 0)));
}

function simplifiedRing(ring: Ring, tolerance: number): Ring {
  if (ring.length <= 4) return ring;
  const anchor = farthest(ring, at(ring, 0));
  const open = [...ring.slice(anchor), ...ring.slice(0, anchor)];
  const other = farthest(open, at(open, 0));
  const keep = new Set([0, other]);
  mark([...open, at(open, 0)], 0, other, tolerance, keep);
  mark([...open, at(open, 0)], other, open.length, tolerance, keep);
  return open.filter((_, index) => keep.has(index));
}

function mark(line: readonly Point[], first: number, last: number, tolerance: number, keep: Set<number>): void {
  const stack: [number, number][] = [[first, last]];
  for (let range = stack.pop(); range; range = stack.pop()) {
    const [from, to] = range;
    let worst = from;
    let distance = tolerance;
    for (let index = from + 1; index < to; index += 1) {
      const found = distanceToSegment(at(line, index), at(line, from), at(line, to));
      if (found > distance) [worst, distance] = [index, found];
    }
    if (worst === from) continue;
    keep.add(worst);
    stack.push([from, worst], [worst, to]);
  }
}

function distanceToSegment([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

function farthest(ring: Ring, [x, y]: Point): number {
  let [found, distance] = [0, 0];
  for (const [index, [px, py]] of ring.entries()) {
    const squared = (px - x) ** 2 + (py - y) ** 2;
    if (squared > distance) [found, distance] = [index, squared];
  }
  return found;
}

interface Segment {
  readonly from: Point;
  readonly to: Point;
  readonly ring: Ring;
  readonly index: number;
  readonly box: readonly [number, number, number, number];
}

/** Sweeps over the segments by their west end, so that only those that overlap in x are compared. */
function haveCrossings(rings: readonly Ring[]): boolean {
  const segments = rings.flatMap(segmentsOf).sort((a, b) => a.box[0] - b.box[0]);
  for (const [index, one] of segments.entries()) {
    for (let next = index + 1; next < segments.length; next += 1) {
      const two = segments[next];
      if (!two || two.box[0] > one.box[2]) break;
      if (two.box[1] <= one.box[3] && two.box[3] >= one.box[1] && !areNeighbours(one, two) && meet(one, two))
        return true;
    }
  }
  return false;
}

function segmentsOf(ring: Ring): Segment[] {
  return ring.map((from, index) => {
    const to = at(ring, index + 1);
    return { from, to, ring, index, box: extentOf([from, to]) };
  });
}

function areNeighbours(one: Segment, two: Segment): boolean {
  const apart = Math.abs(one.index - two.index);
  return one.ring === two.ring && (apart === 1 || apart === one.ring.length - 1);
}

function meet(one: Segment, two: Segment): boolean {
  const sides = (a: Segment, b: Segment) => side(a, b.from) * side(a, b.to) <= 0;
  return sides(one, two) && sides(two, one);
}

function side({ from: [ax, ay], to: [bx, by] }: Segment, [x, y]: Point): number {
  return Math.sign((bx - ax) * (y - ay) - (by - ay) * (x - ax));
}
