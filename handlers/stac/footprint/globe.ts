import { area, at, extentOf, type Point, type Polygon, type Ring } from './geometry.ts';
import { leftOf, rightOf } from './half-plane.ts';

/** Degrees that are not worth a second part: the rounding of projections at the edge of the map. */
const sliver = 1e-6;

/**
 * Makes a ring of longitudes and latitudes continuous: a step of more than half the globe is one over the antimeridian,
 * and the longitudes go on past 180. A ring that goes round a pole is closed along that pole.
 */
export function unwrapped(ring: Ring): Ring {
  let turns = 0;
  let before = ring[0]?.[0] ?? 0;
  const line = ring.map(([x, y]): Point => {
    turns -= Math.round((x - before) / 360);
    before = x;
    return [x + 360 * turns, y];
  });
  const [first] = line;
  if (!first) return line;
  const round = turns - Math.round((first[0] - before) / 360);
  return round === 0 ? line : aroundPole(line, 360 * round);
}

/** Opened at the antimeridian, so that it need not be cut there. `turn`: how far the line goes round. */
function aroundPole(line: Ring, turn: number): Ring {
  const twice = [...line, ...line.map(([x, y]): Point => [x + turn, y])];
  const lap = ([x]: Point) => Math.floor((x + 180) / 360);
  const start = twice.findIndex((point, index) => lap(point) !== lap(at(twice, index + 1)));
  const [from, to] = [at(twice, start), at(twice, start + 1)];
  const x = Math.max(lap(from), lap(to)) * 360 - 180;
  const y = from[1] + ((to[1] - from[1]) * (x - from[0])) / (to[0] - from[0]);
  const pole = line.reduce((sum, point) => sum + point[1], 0) > 0 ? 90 : -90;
  return [[x, y], ...twice.slice(start + 1, start + 1 + line.length), [x + turn, y], [x + turn, pole], [x, pole]];
}

/**
 * A polygon with continuous longitudes as parts within [-180, 180], cut at the antimeridian (RFC 7946, 3.1.9). Outer
 * rings come out counter-clockwise, holes clockwise (3.1.6).
 */
export function cutAtAntimeridian(polygon: Polygon): Polygon[] {
  const [outer, ...holes] = polygon.map(withLatitudesInRange);
  if (!outer) return [];
  const [west, , east] = extentOf(outer);
  if (isBand(outer)) return [band(outer)];
  const turned = [turnedTo(outer, 1), ...holes.map((hole) => turnedTo(besideOf(hole, west, east), -1))];
  // What goes round more than once would lie upon itself, and parts of one footprint may not share an edge.
  const atSeam = Math.abs(wrapped(west) + 180) <= sliver;
  const most = atSeam ? 360 : 360 - sliver;
  const single = east - west > most ? leftOf(turned, west + most) : [turned];
  const parts: Polygon[] = [];
  for (let k = Math.floor((west + sliver + 180) / 360); k <= Math.ceil((east - sliver + 180) / 360) - 1; k += 1) {
    const [from, to] = [k * 360 - 180, k * 360 + 180];
    for (const part of single) {
      const cut = leftOf(part, to).flatMap((left) => rightOf(left, from));
      parts.push(...cut.map((piece) => piece.map((ring) => ring.map(([x, y]): Point => [x - k * 360, y]))));
    }
  }
  return parts;
}

/**
 * [west, south, east, north] of polygons with continuous longitudes; west is greater than east where the antimeridian
 * lies between (RFC 7946, 5.2).
 */
export function boxOf(polygons: readonly Polygon[]): readonly [number, number, number, number] {
  const parts = polygons.map((polygon) => extentOf((polygon[0] ?? []).map(clampLatitude)));
  const south = Math.min(...parts.map((part) => part[1]));
  const north = Math.max(...parts.map((part) => part[3]));
  const [west, east] = spanOf(parts.map(([from, , to]) => [from, to]));
  return [west, south, east, north];
}

/** The complement of the widest gap between the parts on the circle of longitudes. */
function spanOf(spans: readonly (readonly [number, number])[]): readonly [number, number] {
  if (spans.some(([from, to]) => to - from >= 360 - sliver)) return [-180, 180];
  const sorted = spans
    .map(([from, to]): [number, number] => [wrapped(from), wrapped(from) + (to - from)])
    .sort((a, b) => a[0] - b[0]);
  const [first = [-180, 180]] = sorted;
  let end = first[1];
  let widest = { gap: -1, west: first[0], east: end };
  for (const [from, to] of [...sorted.slice(1), [first[0] + 360, first[1] + 360] as const]) {
    if (from - end > widest.gap) widest = { gap: from - end, west: from, east: end };
    end = Math.max(end, to);
  }
  if (widest.gap <= sliver) return [-180, 180];
  return [westOf(widest.west), eastOf(widest.east)];
}

/** Into [-180, 180). */
function wrapped(longitude: number): number {
  return longitude - 360 * Math.floor((longitude + sliver + 180) / 360);
}

function westOf(longitude: number): number {
  return Math.max(wrapped(longitude), -180);
}

/** 180 stays 180. */
function eastOf(longitude: number): number {
  const east = longitude - 360 * Math.ceil((longitude - sliver - 180) / 360);
  return Math.min(east, 180);
}

/** A whole turn between two parallels. */
function isBand(ring: Ring): boolean {
  const [west, south, east, north] = extentOf(ring);
  const share = Math.abs(area(ring)) / ((east - west) * (north - south));
  return east - west >= 360 - sliver && share > 1 - 1e-9;
}

function band(ring: Ring): Polygon {
  const [, south, , north] = extentOf(ring);
  const corners: Ring = [
    [-180, south],
    [180, south],
    [180, north],
    [-180, north],
  ];
  return [corners];
}

function withLatitudesInRange(ring: Ring): Ring {
  return ring.map(clampLatitude);
}

function clampLatitude([x, y]: Point): Point {
  return [x, Math.max(-90, Math.min(90, y))];
}

function turnedTo(ring: Ring, sign: 1 | -1): Ring {
  return area(ring) * sign < 0 ? [...ring].reverse() : ring;
}

/** Holes are made continuous by themselves, so they may have come out a whole turn beside their polygon. */
function besideOf(hole: Ring, west: number, east: number): Ring {
  const [from, , to] = extentOf(hole);
  const turns = Math.round(((west + east) / 2 - (from + to) / 2) / 360);
  return turns === 0 ? hole : hole.map(([x, y]): Point => [x + 360 * turns, y]);
}
