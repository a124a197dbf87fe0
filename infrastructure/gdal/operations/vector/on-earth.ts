import { headerBytes, partHeaderBytes, pointBytes, uint32 } from './surely-valid.ts';

/** Degrees that a coordinate may be off: files of whole continents have 180.00000000000006. */
const tolerance = 1e-6;
const most = { longitude: 180 + tolerance, latitude: 90 + tolerance };

type Position = readonly [longitude: number, latitude: number];

export function isPlace(longitude: number, latitude: number): boolean {
  return Math.abs(longitude) <= most.longitude && Math.abs(latitude) <= most.latitude;
}

/** Where the walk through a geometry is. */
let at = 0;

/**
 * The first vertex that is no place on the Earth; null: all are, or are no numbers. Of a little-endian EWKB,
 * two-dimensional, in degrees, of the types 1 to 6.
 */
export function offEarth(ewkb: DataView, type: number): Position | null {
  at = headerBytes;
  return partOff(ewkb, type);
}

function partOff(ewkb: DataView, type: number): Position | null {
  if (type === 1) return pointOff(ewkb, 1);
  const count = counted(ewkb);
  if (type === 2) return pointOff(ewkb, count);
  for (let index = 0; index < count; index += 1) {
    if (type !== 3) at += partHeaderBytes;
    const off = type === 3 ? pointOff(ewkb, counted(ewkb)) : partOff(ewkb, type - 3);
    if (off !== null) return off;
  }
  return null;
}

function pointOff(ewkb: DataView, count: number): Position | null {
  for (const end = at + count * pointBytes; at < end; at += pointBytes) {
    const [x, y] = [ewkb.getFloat64(at, true), ewkb.getFloat64(at + 8, true)];
    if (Math.abs(x) > most.longitude || Math.abs(y) > most.latitude) return [x, y];
  }
  return null;
}

function counted(ewkb: DataView): number {
  at += 4;
  return uint32(ewkb, at - 4);
}
