/**
 * Most geometries are small and plain, and a geometry of GDAL costs more to make than these take to look through.
 * What is not found valid here is not found invalid either: GEOS says which it is.
 */

/** Pairs of segments grow with the square: above this many points GEOS is as fast. */
const mostRingPoints = 48;

/** Little-endian EWKB: byte order, type and SRID; byte order and type of a part; two doubles. */
export const headerBytes = 9;
export const partHeaderBytes = 5;
export const pointBytes = 16;
const coordinates = new Float64Array(2 * mostRingPoints);

/** Of a little-endian EWKB, two-dimensional: a line, a polygon of one ring, or a multi of one or more of them. */
export function isSurelyValid(ewkb: DataView, type: number): boolean {
  if (type === 2) return lineEnd(ewkb, headerBytes) !== -1;
  if (type === 3) return isRing(ewkb, headerBytes);
  const count = uint32(ewkb, headerBytes);
  const first = headerBytes + 4 + partHeaderBytes;
  // Polygons of several may lie on each other.
  if (type === 6) return count === 1 && isRing(ewkb, first);
  return type === 5 && areLines(ewkb, first, count);
}

function areLines(ewkb: DataView, first: number, count: number): boolean {
  let at = first;
  for (let index = 0; index < count; index += 1) {
    const end = lineEnd(ewkb, at);
    if (end === -1) return false;
    at = end + partHeaderBytes;
  }
  return count > 0;
}

/** A line is valid when two of its points differ; where it ends, -1 when its first two do not. */
function lineEnd(ewkb: DataView, at: number): number {
  const count = uint32(ewkb, at);
  if (count < 2 || !readPoints(ewkb, at + 4, 2)) return -1;
  if (coordinates[0] === coordinates[2] && coordinates[1] === coordinates[3]) return -1;
  const end = at + 4 + count * pointBytes;
  for (let double = at + 4; double < end; double += 8) if (!Number.isFinite(ewkb.getFloat64(double, true))) return -1;
  return end;
}

function isRing(ewkb: DataView, at: number): boolean {
  if (uint32(ewkb, at) !== 1) return false;
  const count = uint32(ewkb, at + 4);
  if (count < 4 || count > mostRingPoints) return false;
  return readPoints(ewkb, at + 8, count) && isSimpleRing(coordinates, count);
}

/** False when one of them is no finite number. */
function readPoints(ewkb: DataView, from: number, count: number): boolean {
  for (let index = 0; index < count * 2; index += 1) {
    const value = ewkb.getFloat64(from + index * 8, true);
    if (!Number.isFinite(value)) return false;
    coordinates[index] = value;
  }
  return true;
}

export function uint32(ewkb: DataView, at: number): number {
  return ewkb.getUint32(at, true);
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
