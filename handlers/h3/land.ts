import type { LandPolygon } from '../../core/ports/grid-store.ts';
import { extentOf } from '../stac/footprint/geometry.ts';

type Box = readonly [west: number, south: number, east: number, north: number];

interface Piece extends LandPolygon {
  readonly box: Box;
  /** Each ring's coordinates in turn, x and y, the first point again at the end. */
  readonly lines: readonly Float64Array[];
}

/** Side of the squares, in degrees, by which polygons are looked up. */
const squareDegrees = 5;
const columns = 360 / squareDegrees;

/** Polygons in longitude and latitude, asked point by point. None may cross the antimeridian: they end there. */
export class Land {
  readonly #squares = new Map<number, Piece[]>();
  readonly pieces: readonly Piece[];

  constructor(polygons: readonly LandPolygon[]) {
    this.pieces = polygons.map((polygon) => ({
      ...polygon,
      box: extentOf(polygon.rings[0] ?? []),
      lines: polygon.rings.map(lineOf),
    }));
    for (const piece of this.pieces) {
      for (const square of squaresOf(piece.box)) {
        const there = this.#squares.get(square) ?? [];
        there.push(piece);
        this.#squares.set(square, there);
      }
    }
  }

  /** The polygon a point lies in; undefined at sea. */
  at(longitude: number, latitude: number): LandPolygon | undefined {
    return this.#squares
      .get(squareOf(longitude, latitude))
      ?.find(({ lines, box }) => inBox(box, longitude, latitude) && inRings(lines, longitude, latitude));
  }
}

function inBox([west, south, east, north]: Box, x: number, y: number): boolean {
  return x >= west && x <= east && y >= south && y <= north;
}

/** In the outer ring and in no hole: a point is in an odd number of them. */
function inRings(lines: readonly Float64Array[], x: number, y: number): boolean {
  let inside = false;
  for (const line of lines) if (crossings(line, x, y)) inside = !inside;
  return inside;
}

/**
 * Whether a ray from the point crosses the ring an odd number of times. Hundreds of thousands of points are asked against
 * thousands of corners each, so numbers in one array and no objects.
 */
function crossings(line: Float64Array, x: number, y: number): boolean {
  let odd = false;
  for (let at = 0; at + 3 < line.length; at += 2) {
    const ay = line[at + 1] as number;
    const by = line[at + 3] as number;
    if (ay > y === by > y) continue;
    const ax = line[at] as number;
    const bx = line[at + 2] as number;
    if (x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

function lineOf(ring: LandPolygon['rings'][number]): Float64Array {
  const [first = [0, 0] as const] = ring;
  return Float64Array.from([...ring, first].flat());
}

function* squaresOf([west, south, east, north]: Box): Generator<number> {
  for (let row = rowOf(south); row <= rowOf(north); row += 1) {
    for (let column = columnOf(west); column <= columnOf(east); column += 1) yield row * columns + column;
  }
}

function squareOf(x: number, y: number): number {
  return rowOf(y) * columns + columnOf(x);
}

function columnOf(x: number): number {
  return Math.max(0, Math.min(columns - 1, Math.floor((x + 180) / squareDegrees)));
}

function rowOf(y: number): number {
  return Math.max(0, Math.min(columns / 2 - 1, Math.floor((y + 90) / squareDegrees)));
}
