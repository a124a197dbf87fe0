import type { LandPolygon } from '../../core/ports/grid-store.ts';
import { contains, extentOf } from '../stac/footprint/geometry.ts';

type Box = readonly [west: number, south: number, east: number, north: number];

interface Piece extends LandPolygon {
  readonly box: Box;
}

/** Side of the squares, in degrees, by which polygons are looked up. */
const squareDegrees = 5;
const columns = 360 / squareDegrees;

/** Polygons in longitude and latitude, asked point by point. None may cross the antimeridian: they end there. */
export class Land {
  readonly #squares = new Map<number, Piece[]>();
  readonly pieces: readonly Piece[];

  constructor(polygons: readonly LandPolygon[]) {
    this.pieces = polygons.map((polygon) => ({ ...polygon, box: extentOf(polygon.rings[0] ?? []) }));
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
      ?.find(({ rings, box }) => inBox(box, longitude, latitude) && inRings(rings, longitude, latitude));
  }
}

function inBox([west, south, east, north]: Box, x: number, y: number): boolean {
  return x >= west && x <= east && y >= south && y <= north;
}

/** In the outer ring and in no hole. */
function inRings(rings: LandPolygon['rings'], x: number, y: number): boolean {
  const [outer = [], ...holes] = rings;
  return contains(outer, [x, y]) && !holes.some((hole) => contains(hole, [x, y]));
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
