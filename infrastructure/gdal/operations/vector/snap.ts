interface Reader {
  readonly wkb: Buffer;
  at: number;
}

/**
 * Coordinates on multiples of `step`, of little-endian WKB in two dimensions. Vertices that fall on the one before them
 * and rings with fewer than four are left out.
 */
export function snapped(wkb: Buffer, step: number): Buffer {
  return snapGeometry({ wkb, at: 0 }, step);
}

function snapGeometry(reader: Reader, step: number): Buffer {
  const header = take(reader, 5);
  const type = header.readUInt32LE(1);
  if (type === 1) return Buffer.concat([header, snapPoint(take(reader, 16), step)]);
  const count = take(reader, 4).readUInt32LE();
  if (type === 2) return Buffer.concat([header, ...counted(snapLine(reader, count, step))]);
  const parts: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    if (type !== 3) parts.push(snapGeometry(reader, step));
    else {
      const ring = snapLine(reader, take(reader, 4).readUInt32LE(), step);
      if (ring.length >= 4) parts.push(Buffer.concat(counted(ring)));
      // Without its outer ring a polygon's holes are none.
      else if (index === 0) return skipRings(reader, header, count - 1);
    }
  }
  return Buffer.concat([header, ...counted(parts)]);
}

function skipRings(reader: Reader, header: Buffer, count: number): Buffer {
  for (let index = 0; index < count; index += 1) take(reader, take(reader, 4).readUInt32LE() * 16);
  return Buffer.concat([header, uint32(0)]);
}

function snapLine(reader: Reader, count: number, step: number): Buffer[] {
  const kept: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const point = snapPoint(take(reader, 16), step);
    if (!kept.at(-1)?.equals(point)) kept.push(point);
  }
  return kept;
}

/** Of two little-endian doubles. */
export function snapPoint(point: Buffer, step: number): Buffer {
  const moved = Buffer.alloc(16);
  // Plus 0, for PostGIS tells -0 from 0.
  for (const at of [0, 8]) moved.writeDoubleLE(Math.round(point.readDoubleLE(at) / step) * step + 0, at);
  return moved;
}

function counted(parts: readonly Buffer[]): Buffer[] {
  return [uint32(parts.length), ...parts];
}

function take(reader: Reader, bytes: number): Buffer {
  const from = reader.at;
  reader.at += bytes;
  return reader.wkb.subarray(from, reader.at);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
