import type { PolygonParts } from '../../core/ports/grid-store.ts';

const [polygon, multiPolygon] = [3, 6];
const hasSrid = 0x20000000;
const srid = 4326;

/** Extended well-known binary in hexadecimal, EPSG:4326: a Polygon for one part, else a MultiPolygon. Closes rings. */
export function ewkbHex(parts: PolygonParts): string {
  const points = parts.flat(2).length + parts.flat().length;
  const bytes = Buffer.allocUnsafe(13 + parts.length * 9 + parts.flat().length * 4 + points * 16);
  let at = header(bytes, 0, (parts.length === 1 ? polygon : multiPolygon) | hasSrid);
  at = bytes.writeUInt32LE(srid, at);
  if (parts.length !== 1) at = bytes.writeUInt32LE(parts.length, at);
  for (const part of parts) {
    if (parts.length !== 1) at = header(bytes, at, polygon);
    at = bytes.writeUInt32LE(part.length, at);
    for (const ring of part) at = writeRing(bytes, at, ring);
  }
  return bytes.toString('hex', 0, at);
}

/** Little endian, and the type. */
function header(bytes: Buffer, at: number, type: number): number {
  return bytes.writeUInt32LE(type, bytes.writeUInt8(1, at));
}

function writeRing(bytes: Buffer, start: number, ring: PolygonParts[number][number]): number {
  const [first] = ring;
  const last = ring[ring.length - 1];
  const isClosed = first !== undefined && last !== undefined && first[0] === last[0] && first[1] === last[1];
  const closed = first === undefined || isClosed ? ring : [...ring, first];
  let at = bytes.writeUInt32LE(closed.length, start);
  for (const [x, y] of closed) at = bytes.writeDoubleLE(y, bytes.writeDoubleLE(x, at));
  return at;
}
