import gdal, { type Geometry } from 'gdal-async';
import type { GeometryFixes } from '../../../../core/ports/gdal.ts';
import { offEarth } from './on-earth.ts';
import { snapped, snapPoint as snappedPoint } from './snap.ts';
import { headerBytes, isSurelyValid, uint32 } from './surely-valid.ts';
import type { Rows } from './text-rows.ts';

/** As OGR writes it in EWKB. */
const srid = 'E6100000';

const mostShown = 100;
const usualBytes = 64 * 1024;

interface Kind {
  readonly name: string;
  readonly multi: string;
  /** What stands before the numbers of a promoted geometry: a multi of one part. */
  readonly promoted: string | null;
}

const kinds: Readonly<Record<number, Kind>> = {
  1: kind('Point', 'MultiPoint', '01', '04'),
  2: kind('LineString', 'MultiLineString', '02', '05'),
  3: kind('Polygon', 'MultiPolygon', '03', '06'),
  4: { name: 'MultiPoint', multi: 'MultiPoint', promoted: null },
  5: { name: 'MultiLineString', multi: 'MultiLineString', promoted: null },
  6: { name: 'MultiPolygon', multi: 'MultiPolygon', promoted: null },
};

const otherNames: Readonly<Record<number, string>> = {
  7: 'GeometryCollection',
  15: 'PolyhedralSurface',
  16: 'TIN',
  17: 'Triangle',
};

function kind(name: string, multi: string, part: string, promoted: string): Kind {
  return { name, multi, promoted: `01${promoted}000020${srid}0100000001${part}000000` };
}

/** What was seen of the geometries, and what was done to them. */
export interface GeometryCounts {
  /** Null ones too. */
  seen: number;
  /** By the type in the file. */
  readonly types: Map<string, number>;
  /** Multi types that there will be. */
  readonly multiTypes: Set<string>;
  dropped: number;
  repaired: number;
  promoted: number;
  /** Had a height or a measure. */
  flattened: number;
  /** Reach beyond longitude 180 or latitude 90, and are left out: the caller refuses the file. */
  offEarth: number;
  /** The first of them, by their number, from 1. */
  readonly firstOffEarth: string[];
}

/** Writes geometries as valid Multi* of two dimensions. */
export class GeometryColumn {
  readonly counts: GeometryCounts = {
    seen: 0,
    types: new Map(),
    multiTypes: new Set(),
    dropped: 0,
    repaired: 0,
    promoted: 0,
    flattened: 0,
    offEarth: 0,
    firstOffEarth: [],
  };
  readonly #fixes: GeometryFixes;
  readonly #isChanged: boolean;
  /** The geometry in hand as EWKB; grows with the largest. */
  #ewkb = Buffer.alloc(usualBytes);
  #view = new DataView(this.#ewkb.buffer, this.#ewkb.byteOffset);

  constructor(fixes: GeometryFixes) {
    this.#fixes = fixes;
    this.#isChanged = fixes.simplify !== null || fixes.snapToGrid !== null;
  }

  /**
   * Begins a row with the geometry that stands as hex in `line`; false when there is none, or an empty one, and the row
   * is dropped. A type that has no Multi*, and what is not on the Earth, is counted and left out: the caller refuses the file.
   */
  begin(rows: Rows, line: Buffer, from: number, to: number): boolean {
    const length = (to - from) / 2;
    if (length <= headerBytes) return this.#none();
    this.#makeRoom(length);
    this.#ewkb.write(line.toString('latin1', from, to), 0, 'hex');
    return this.#begin(rows, length);
  }

  /** Begins a row with a point of two doubles. */
  beginPoint(rows: Rows, xy: Buffer): void {
    this.#count('Point', 'MultiPoint');
    this.counts.promoted += 1;
    const step = this.#fixes.snapToGrid;
    rows.begin(kinds[1]?.promoted ?? '', step === null ? xy : snappedPoint(xy, step), 0, xy.length);
  }

  /** Begins a row with a geometry in degrees. */
  beginGeometry(rows: Rows, geometry: Geometry): boolean {
    if (hasHeightOrMeasure(geometry.wkbType) && !geometry.isEmpty()) this.counts.flattened += 1;
    geometry.flattenTo2D();
    const wkb = geometry.toWKB('LSB', 'ISO');
    const length = wkb.length + 4;
    if (length <= headerBytes) return this.#none();
    this.#makeRoom(length);
    wkb.copy(this.#ewkb, headerBytes, 5);
    this.#ewkb.write(`01${wkb.toString('hex', 1, 2)}000020${srid}`, 0, 'hex');
    return this.#begin(rows, length);
  }

  #none(): false {
    this.counts.seen += 1;
    return this.#drop();
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#ewkb.length) return;
    this.#ewkb = Buffer.alloc(2 ** Math.ceil(Math.log2(bytes)));
    this.#view = new DataView(this.#ewkb.buffer, this.#ewkb.byteOffset);
  }

  /** With the geometry in hand. */
  #begin(rows: Rows, length: number): boolean {
    this.counts.seen += 1;
    if (isEmpty(this.#view, length)) return this.#drop();
    const type = typeOf(this.#view);
    const known = kinds[type];
    this.#count(known?.name ?? otherNames[type] ?? `type ${type}`, known?.multi);
    if (!known) return false;
    const off = offEarth(this.#view, type);
    if (off !== null) return this.#leaveOut(`feature ${this.counts.seen} has no place on the Earth: ${off.join(', ')}`);
    if (type === 1 || type === 4) return this.#points(rows, known, length);
    if (!this.#isChanged && isSurelyValid(this.#view, type)) {
      this.#asItIs(rows, known, length);
      return true;
    }
    const original = gdal.Geometry.fromWKB(withoutSrid(this.#ewkb.subarray(0, length)));
    const sound = this.#sound(original, known.multi);
    if (sound === null) return this.#drop();
    if (sound === original) this.#asItIs(rows, known, length);
    else this.#rewritten(rows, sound);
    return true;
  }

  /** Points are always valid. Only snapping changes them. */
  #points(rows: Rows, known: Kind, length: number): boolean {
    const step = this.#fixes.snapToGrid;
    if (step === null) this.#asItIs(rows, known, length);
    else {
      const wkb = withoutSrid(this.#ewkb.subarray(0, length));
      this.#rewritten(rows, gdal.Geometry.fromWKB(snapped(wkb, step)));
    }
    return true;
  }

  #asItIs(rows: Rows, known: Kind, length: number): void {
    if (known.promoted === null) rows.begin('', this.#ewkb, 0, length);
    else {
      this.counts.promoted += 1;
      rows.begin(known.promoted, this.#ewkb, headerBytes, length);
    }
  }

  #rewritten(rows: Rows, geometry: Geometry): void {
    const wkb = geometry.toWKB('LSB', 'ISO');
    const type = wkb[1] ?? 0;
    const known = kinds[type];
    if (!known) throw new Error(`a repaired geometry is of type ${type}`);
    if (known.promoted !== null) this.counts.promoted += 1;
    rows.begin(known.promoted ?? `010${type}000020${srid}`, wkb, 5, wkb.length);
  }

  /** The geometry itself when it needs nothing; null when nothing of its kind is left of it. */
  #sound(geometry: Geometry, multi: string): Geometry | null {
    const changed = this.#isChanged ? this.#simplified(geometry) : geometry;
    if (changed.isValid()) return changed.isEmpty() ? null : changed;
    this.counts.repaired += 1;
    return partsOf(changed.makeValid(), multi);
  }

  #simplified(geometry: Geometry): Geometry {
    const { simplify, snapToGrid } = this.#fixes;
    let result = geometry;
    if (simplify) {
      const { tolerance, preserveTopology } = simplify;
      result = preserveTopology ? result.simplifyPreserveTopology(tolerance) : result.simplify(tolerance);
    }
    return snapToGrid === null ? result : gdal.Geometry.fromWKB(snapped(result.toWKB('LSB', 'ISO'), snapToGrid));
  }

  #count(name: string, multi: string | undefined): void {
    const { types, multiTypes } = this.counts;
    types.set(name, (types.get(name) ?? 0) + 1);
    if (multi !== undefined) multiTypes.add(multi);
  }

  #leaveOut(problem: string): false {
    this.counts.offEarth += 1;
    if (this.counts.firstOffEarth.length < mostShown) this.counts.firstOffEarth.push(problem);
    return false;
  }

  #drop(): false {
    this.counts.dropped += 1;
    return false;
  }
}

/** By OGR's number of the type: wkb25DBit, or ISO's 1000 for Z, 2000 for M, 3000 for both. */
export function hasHeightOrMeasure(wkbType: number): boolean {
  return wkbType >>> 31 === 1 || (wkbType & 0xffff) >= 1000;
}

/** The parts of one kind: a polygon that is repaired may leave lines and points beside polygons. */
function partsOf(geometry: Geometry, multi: string): Geometry | null {
  const single = multi.slice('Multi'.length);
  const found: Geometry[] = [];
  const look = (one: Geometry): void => {
    if (one.isEmpty()) return;
    if (one.name === single.toUpperCase()) found.push(one);
    else if (one instanceof gdal.GeometryCollection) one.children.forEach(look);
  };
  look(geometry);
  if (found.length === 0) return null;
  const whole = emptyMulti(multi);
  for (const one of found) whole.children.add(one);
  return whole;
}

function emptyMulti(multi: string) {
  if (multi === 'MultiPolygon') return new gdal.MultiPolygon();
  return multi === 'MultiLineString' ? new gdal.MultiLineString() : new gdal.MultiPoint();
}

function typeOf(ewkb: DataView): number {
  return ewkb.getUint8(1);
}

/** No parts; or a point, whose absence is written as two NaN. */
function isEmpty(ewkb: DataView, length: number): boolean {
  if (typeOf(ewkb) === 1) return ewkb.getUint16(headerBytes + 6, true) === 0x7ff8;
  return length - headerBytes === 4 && uint32(ewkb, headerBytes) === 0;
}

function withoutSrid(ewkb: Buffer): Buffer {
  const wkb = Buffer.concat([ewkb.subarray(0, 5), ewkb.subarray(9)]);
  wkb.writeUInt32LE(wkb.readUInt32LE(1) & 0xff, 1);
  return wkb;
}
