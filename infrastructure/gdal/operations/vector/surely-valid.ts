/**
 * Most geometries are small and plain, and a geometry of GDAL costs more to make than these take to look through.
 * What is not found valid here is not found invalid either: GEOS says which it is.
 */

/** Pairs of segments grow with the square: above this many points GEOS is as fast. */
const mostRingPoints = 48;

export const nibbles = new Uint8Array(256);
for (let value = 0; value < 16; value += 1) {
  const digit = value.toString(16);
  nibbles[digit.charCodeAt(0)] = value;
  nibbles[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Little-endian EWKB in hex: byte order, type and SRID; byte order and type of a part; two doubles. */
export const headerDigits = 18;
export const partHeaderDigits = 10;
export const pointDigits = 32;
const coordinates = new Float64Array(2 * mostRingPoints);
const coordinateBytes = new Uint8Array(coordinates.buffer);

/** Of a little-endian EWKB in hex, two-dimensional: a line, a polygon of one ring, or a multi of one or more of them. */
export function isSurelyValid(hex: Buffer, from: number, type: number): boolean {
  const body = from + headerDigits;
  if (type === 2) return lineEnd(hex, body) !== -1;
  if (type === 3) return isRing(hex, body);
  const count = uint32(hex, body);
  const first = body + 8 + partHeaderDigits;
  // Polygons of several may lie on each other.
  if (type === 6) return count === 1 && isRing(hex, first);
  return type === 5 && areLines(hex, first, count);
}

function areLines(hex: Buffer, first: number, count: number): boolean {
  let at = first;
  for (let index = 0; index < count; index += 1) {
    const end = lineEnd(hex, at);
    if (end === -1) return false;
    at = end + partHeaderDigits;
  }
  return count > 0;
}

/** A line is valid when two of its points differ; where it ends, -1 when its first two do not. */
function lineEnd(hex: Buffer, at: number): number {
  const count = uint32(hex, at);
  if (count < 2 || !readPoints(hex, at + 8, 2)) return -1;
  if (coordinates[0] === coordinates[2] && coordinates[1] === coordinates[3]) return -1;
  const end = at + 8 + count * pointDigits;
  for (let double = at + 8; double < end; double += pointDigits / 2) if (isNoNumber(hex, double)) return -1;
  return end;
}

/** Infinite or none: all eleven bits of the exponent are set. */
function isNoNumber(hex: Buffer, double: number): boolean {
  const highest = nibbles[hex[double + 14] ?? 0] ?? 0;
  return (highest & 7) === 7 && nibbles[hex[double + 15] ?? 0] === 15 && nibbles[hex[double + 12] ?? 0] === 15;
}

function isRing(hex: Buffer, at: number): boolean {
  const count = uint32(hex, at + 8);
  if (uint32(hex, at) !== 1 || count < 4 || count > mostRingPoints) return false;
  return readPoints(hex, at + 16, count) && isSimpleRing(coordinates, count);
}

/** False when one of them is no finite number. */
function readPoints(hex: Buffer, from: number, count: number): boolean {
  for (let index = 0, at = from; index < count * 16; index += 1, at += 2) {
    coordinateBytes[index] = ((nibbles[hex[at] ?? 0] ?? 0) << 4) | (nibbles[hex[at + 1] ?? 0] ?? 0);
  }
  for (let index = 0; index < count * 2; index += 1) if (!Number.isFinite(coordinates[index])) return false;
  return true;
}

export function uint32(hex: Buffer, at: number): number {
  let value = 0;
  for (let byte = 3; byte >= 0; byte -= 1) {
    const digits = at + byte * 2;
    value = value * 256 + (((nibbles[hex[digits] ?? 0] ?? 0) << 4) | (nibbles[hex[digits + 1] ?? 0] ?? 0));
  }
  return value;
}

/**
 * True when a closed ring of `count` points (x, y, x, y, …, the last the same as the first) surely touches itself nowhere:
 * neighbours go on or turn, and of all other pairs of segments one lies on one side of the other.
 */
function isSimpleRing(points: Float64Array, count: number): boolean {
  const segments = count - 1;
  const at = (index: number) => points[index] ?? Number.NaN;
  if (at(0) !== at(2 * segments) || at(1) !== at(2 * segments + 1)) return false;
  for (let first = 0; first < segments; first += 1) {
    const next = (first + 1) % segments;
    if (!meetAtEnd(points, 2 * first, 2 * next)) return false;
    const last = first === 0 ? segments - 1 : segments;
    for (let second = first + 2; second < last; second += 1) {
      if (!areApart(points, 2 * first, 2 * second)) return false;
    }
  }
  return true;
}

/** Of segments a-b and b-c: they share nothing but b. */
function meetAtEnd(points: Float64Array, a: number, b: number): boolean {
  const ax = points[a] ?? 0;
  const ay = points[a + 1] ?? 0;
  const bx = points[b] ?? 0;
  const by = points[b + 1] ?? 0;
  const cx = points[b + 2] ?? 0;
  const cy = points[b + 3] ?? 0;
  if (side(ax, ay, bx, by, cx, cy) !== 0) return true;
  const x = (bx - ax) * (cx - bx);
  const y = (by - ay) * (cy - by);
  return x + y > unsure * (Math.abs(x) + Math.abs(y));
}

function areApart(points: Float64Array, a: number, c: number): boolean {
  const ax = points[a] ?? 0;
  const bx = points[a + 2] ?? 0;
  const cx = points[c] ?? 0;
  const dx = points[c + 2] ?? 0;
  if (Math.max(ax, bx) < Math.min(cx, dx) || Math.max(cx, dx) < Math.min(ax, bx)) return true;
  const ay = points[a + 1] ?? 0;
  const by = points[a + 3] ?? 0;
  const cy = points[c + 1] ?? 0;
  const dy = points[c + 3] ?? 0;
  if (Math.max(ay, by) < Math.min(cy, dy) || Math.max(cy, dy) < Math.min(ay, by)) return true;
  const c1 = side(ax, ay, bx, by, cx, cy);
  if (c1 !== 0 && c1 === side(ax, ay, bx, by, dx, dy)) return true;
  const a1 = side(cx, cy, dx, dy, ax, ay);
  return a1 !== 0 && a1 === side(cx, cy, dx, dy, bx, by);
}

/** More than the rounding of a determinant of doubles can be, as a part of its terms (Shewchuk 1997: 3.3e-16). */
const unsure = 1e-15;

/** On which side of the line a-b c lies, 1 or -1; 0 when that is not sure. */
function side(ax: number, ay: number, bx: number, by: number, cx: number, cy: number): number {
  const left = (ax - cx) * (by - cy);
  const right = (ay - cy) * (bx - cx);
  const sum = left - right;
  const least = unsure * (Math.abs(left) + Math.abs(right));
  if (sum > least) return 1;
  return sum < -least ? -1 : 0;
}
