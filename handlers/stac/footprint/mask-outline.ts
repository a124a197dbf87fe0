import type { Point, Polygon, Ring } from './geometry.ts';
import { area, contains } from './geometry.ts';

/** Pixels that have data (not 0), row by row from the top. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly valid: Uint8Array;
}

/**
 * The outlines of a mask's valid areas in pixel corners (x to the right, y down), along the pixels' edges. No two rings
 * touch or cross: where two valid pixels meet only at a corner, the mask is first made valid around it. Null when there
 * are more rings than `mostRings`.
 */
export function outlines(mask: Mask, mostRings: number): Polygon[] | null {
  const rings = new Tracer(withoutCornerContacts(mask)).rings(mostRings);
  if (rings === null) return null;
  const outers = rings.filter((ring) => area(ring) > 0);
  const holes = rings.filter((ring) => area(ring) < 0);
  return outers.map((outer) => [outer, ...holes.filter((hole) => ownerOf(hole, outers) === outer)]);
}

/** The smallest ring around: islands lie in holes of others. */
function ownerOf(hole: Ring, outers: readonly Ring[]): Ring | undefined {
  const [x = 0, y = 0] = hole[0] ?? [];
  // A corner of the hole lies on no other ring, for none touch.
  const around = outers.filter((outer) => contains(outer, [x, y]));
  return around.sort((a, b) => area(a) - area(b))[0];
}

/** Halves the resolution; a pixel is valid where one of its four was. */
export function halved({ width, height, valid }: Mask): Mask {
  const half = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) };
  const merged = new Uint8Array(half.width * half.height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (valid[y * width + x]) merged[(y >> 1) * half.width + (x >> 1)] = 255;
    }
  }
  return { ...half, valid: merged };
}

function withoutCornerContacts(mask: Mask): Mask {
  const { width, height } = mask;
  const valid = mask.valid.slice();
  let changed = true;
  while (changed) {
    changed = false;
    for (let y = 0; y + 1 < height; y += 1) {
      for (let x = 0; x + 1 < width; x += 1) changed = fillContact(valid, width, y * width + x) || changed;
    }
  }
  return { width, height, valid };
}

function fillContact(valid: Uint8Array, width: number, at: number): boolean {
  const isValid = (index: number) => valid[index] !== 0;
  const [a, b, c, d] = [isValid(at), isValid(at + 1), isValid(at + width), isValid(at + width + 1)];
  if (a !== d || b !== c || a === b) return false;
  valid.fill(255, at, at + 2);
  valid.fill(255, at + width, at + width + 2);
  return true;
}

/** Walks along the edges with the valid side on the right hand (y is down), so that outer rings have positive area. */
class Tracer {
  readonly #mask: Mask;
  /** Horizontal edges, by the corner they start at: 1 when one leads to the right from there, over a valid pixel. */
  readonly #unused: Uint8Array;

  constructor(mask: Mask) {
    this.#mask = mask;
    this.#unused = new Uint8Array((mask.width + 1) * (mask.height + 1));
    for (let y = 0; y <= mask.height; y += 1) {
      for (let x = 0; x < mask.width; x += 1) {
        if (this.#at(x, y) && !this.#at(x, y - 1)) this.#unused[y * (mask.width + 1) + x] = 1;
      }
    }
  }

  rings(most: number): Ring[] | null {
    const rings: Ring[] = [];
    for (let corner = 0; corner < this.#unused.length; corner += 1) {
      if (!this.#unused[corner]) continue;
      if (rings.length === most) return null;
      rings.push(this.#follow(corner));
    }
    return rings;
  }

  #follow(start: number): Ring {
    const stride = this.#mask.width + 1;
    const ring: Point[] = [];
    let x = start % stride;
    let y = Math.floor(start / stride);
    let [dx, dy] = [1, 0];
    do {
      ring.push([x, y]);
      // Straight on until the edge ends.
      do {
        if (dx === 1) this.#unused[y * stride + x] = 0;
        x += dx;
        y += dy;
      } while (this.#isEdge(x, y, dx, dy));
      [dx, dy] = this.#isEdge(x, y, -dy, dx) ? [-dy, dx] : [dy, -dx];
    } while (y * stride + x !== start || dx !== 1);
    return ring;
  }

  /** Whether the edge from the corner in this direction has a valid pixel on its right and none on its left. */
  #isEdge(x: number, y: number, dx: number, dy: number): boolean {
    const right = this.#at(x + Math.min(dx - dy, 0), y + Math.min(dx + dy, 0));
    const left = this.#at(x + Math.min(dx + dy, 0), y + Math.min(dy - dx, 0));
    return right && !left;
  }

  #at(x: number, y: number): boolean {
    const { width, height, valid } = this.#mask;
    return x >= 0 && y >= 0 && x < width && y < height && valid[y * width + x] !== 0;
  }
}
