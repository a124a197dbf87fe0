import { headerDigits, nibbles, partHeaderDigits, pointDigits, uint32 } from './surely-valid.ts';

/** Degrees that a coordinate may be off: files of whole continents have 180.00000000000006. */
const tolerance = 1e-6;
const most = { longitude: 180 + tolerance, latitude: 90 + tolerance };

/** The upper 16 bits, without the sign, of the doubles 176 and 88: smaller ones need no closer look. */
const nearly = { longitude: 0x4066, latitude: 0x4056 };

type Position = readonly [longitude: number, latitude: number];

export function isPlace(longitude: number, latitude: number): boolean {
  return Math.abs(longitude) <= most.longitude && Math.abs(latitude) <= most.latitude;
}

/** Where the walk through a geometry is. */
let at = 0;

/**
 * The first vertex that is no place on the Earth; null: all are, or are no numbers. Of a little-endian EWKB in hex,
 * two-dimensional, in degrees, of the types 1 to 6.
 */
export function offEarth(hex: Buffer, from: number, type: number): Position | null {
  at = from + headerDigits;
  return partOff(hex, type);
}

function partOff(hex: Buffer, type: number): Position | null {
  if (type === 1) return pointOff(hex, 1);
  const count = counted(hex);
  if (type === 2) return pointOff(hex, count);
  for (let index = 0; index < count; index += 1) {
    if (type !== 3) at += partHeaderDigits;
    const off = type === 3 ? pointOff(hex, counted(hex)) : partOff(hex, type - 3);
    if (off !== null) return off;
  }
  return null;
}

function pointOff(hex: Buffer, count: number): Position | null {
  for (const end = at + count * pointDigits; at < end; at += pointDigits) {
    const isNear = upper(hex, at) < nearly.longitude && upper(hex, at + pointDigits / 2) < nearly.latitude;
    if (isNear) continue;
    const [x, y] = [double(hex, at), double(hex, at + pointDigits / 2)];
    if (Math.abs(x) > most.longitude || Math.abs(y) > most.latitude) return [x, y];
  }
  return null;
}

function counted(hex: Buffer): number {
  at += 8;
  return uint32(hex, at - 8);
}

/** Without the sign. */
function upper(hex: Buffer, from: number): number {
  const digit = (index: number) => nibbles[hex[from + index] ?? 0] ?? 0;
  return ((digit(14) & 7) << 12) | (digit(15) << 8) | (digit(12) << 4) | digit(13);
}

function double(hex: Buffer, from: number): number {
  return Buffer.from(hex.toString('latin1', from, from + pointDigits / 2), 'hex').readDoubleLE();
}
