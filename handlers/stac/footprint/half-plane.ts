import { area, at, contains, type Point, type Polygon, type Ring } from './geometry.ts';

/**
 * The part of a polygon with x <= limit, as polygons of their own where the cut makes several. The outer ring must have
 * positive area and the holes negative, and no rings may cross.
 *
 * Rings that the line cuts fall into chains. Along the line, the inside lies between the first and the second end of a
 * chain, the third and the fourth, and so on; closing the chains there gives the new outer rings.
 */
export function leftOf(polygon: Polygon, limit: number): Polygon[] {
  const whole: Ring[] = [];
  const chains: Point[][] = [];
  for (const ring of polygon) {
    const cut = chainsOf(ring, limit);
    if (cut === 'inside') whole.push(ring);
    else chains.push(...cut);
  }
  const outers = [...whole.filter((ring) => area(ring) > 0), ...closed(chains)];
  const holes = whole.filter((ring) => area(ring) < 0);
  return outers.map((outer) => [outer, ...holes.filter((hole) => contains(outer, at(hole, 0)))]);
}

/** The part with x >= limit. */
export function rightOf(polygon: Polygon, limit: number): Polygon[] {
  return leftOf(polygon.map(mirrored), -limit).map((part) => part.map(mirrored));
}

/** Mirrored in x and turned round, so that areas keep their sign. */
function mirrored(ring: Ring): Ring {
  return ring.map(([x, y]): Point => [x === 0 ? 0 : -x, y]).reverse();
}

/** Points on the line count as inside, so that a ring that only touches it stays whole. */
function chainsOf(ring: Ring, limit: number): Point[][] | 'inside' {
  const start = ring.findIndex(([x], index) => x > limit && at(ring, index + 1)[0] <= limit);
  if (start < 0) return at(ring, 0)[0] <= limit ? 'inside' : [];
  const chains: Point[][] = [];
  let chain: Point[] = [];
  for (let step = 0; step < ring.length; step += 1) {
    const from = at(ring, start + step);
    const to = at(ring, start + step + 1);
    if (from[0] > limit && to[0] <= limit) chain = [crossing(from, to, limit)];
    if (to[0] <= limit) chain.push(to);
    if (from[0] <= limit && to[0] > limit) chains.push([...chain, crossing(from, to, limit)]);
  }
  return chains;
}

function crossing([ax, ay]: Point, [bx, by]: Point, x: number): Point {
  return [x, ay + ((by - ay) * (x - ax)) / (bx - ax)];
}

function closed(chains: readonly Point[][]): Ring[] {
  const ends = chains
    .flatMap((chain) => [
      { y: at(chain, 0)[1], chain, start: true },
      { y: chain[chain.length - 1]?.[1] ?? 0, chain, start: false },
    ])
    .sort((a, b) => a.y - b.y);
  const next = new Map<Point[], Point[]>();
  for (let index = 0; index + 1 < ends.length; index += 2) {
    const pair = [ends[index], ends[index + 1]];
    const from = pair.find((end) => end && !end.start);
    const to = pair.find((end) => end?.start);
    if (from && to) next.set(from.chain, to.chain);
  }
  const rings: Ring[] = [];
  const used = new Set<Point[]>();
  for (const first of chains) {
    const ring: Point[] = [];
    for (let chain: Point[] | undefined = first; chain && !used.has(chain); chain = next.get(chain)) {
      used.add(chain);
      ring.push(...chain);
    }
    const distinct = withoutRepeats(ring);
    if (distinct.length >= 3 && Math.abs(area(distinct)) > 0) rings.push(distinct);
  }
  return rings;
}

function withoutRepeats(ring: Ring): Ring {
  return ring.filter(([x, y], index) => {
    const [beforeX, beforeY] = at(ring, index + ring.length - 1);
    return x !== beforeX || y !== beforeY;
  });
}
