import gdal, { type Geometry } from 'gdal-async';
import type { GeometryFixes } from '../../../../core/ports/gdal.ts';
import { offEarth } from './on-earth.ts';
import { snapped, snapPoint as snappedPoint } from './snap.ts';
import { headerDigits, isSurelyValid, nibbles } from './surely-valid.ts';
import type { Rows } from './text-rows.ts';

/** As OGR writes it in EWKB. */
const srid = 'E6100000';

const mostShown = 100;
const noDigits = Buffer.alloc(0);

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

  constructor(fixes: GeometryFixes) {
    this.#fixes = fixes;
    this.#isChanged = fixes.simplify !== null || fixes.snapToGrid !== null;
  }

  /**
   * Begins a row with the geometry that stands as hex in `line`; false when there is none, or an empty one, and the row
   * is dropped. A type that has no Multi*, and what is not on the Earth, is counted and left out: the caller refuses the file.
   */
  begin(rows: Rows, line: Buffer, from: number, to: number): boolean {
    this.counts.seen += 1;
    if (to - from <= headerDigits || isEmpty(line, from, to)) return this.#drop();
    const type = typeOf(line, from);
    const known = kinds[type];
    this.#count(known?.name ?? otherNames[type] ?? `type ${type}`, known?.multi);
    if (!known) return false;
    const off = offEarth(line, from, type);
    if (off !== null) return this.#leaveOut(`feature ${this.counts.seen} has no place on the Earth: ${off.join(', ')}`);
    if (type === 1 || type === 4) return this.#points(rows, known, line, from, to);
    if (!this.#isChanged && isSurelyValid(line, from, type)) {
      this.#asItIs(rows, known, line, from, to);
      return true;
    }
    const wkb = Buffer.from(line.toString('latin1', from, to), 'hex');
    const original = gdal.Geometry.fromWKB(withoutSrid(wkb));
    const sound = this.#sound(original, known.multi);
    if (sound === null) return this.#drop();
    if (sound === original) this.#asItIs(rows, known, line, from, to);
    else this.#rewritten(rows, sound);
    return true;
  }

  /** Begins a row with a point of two doubles. */
  beginPoint(rows: Rows, xy: Buffer): void {
    this.#count('Point', 'MultiPoint');
    this.counts.promoted += 1;
    const step = this.#fixes.snapToGrid;
    const hex = (step === null ? xy : snappedPoint(xy, step)).toString('hex');
    rows.begin(`${kinds[1]?.promoted}${hex}`, noDigits, 0, 0);
  }

  /** Begins a row with a geometry in degrees. */
  beginGeometry(rows: Rows, geometry: Geometry): boolean {
    if (hasHeightOrMeasure(geometry.wkbType) && !geometry.isEmpty()) this.counts.flattened += 1;
    geometry.flattenTo2D();
    const hex = geometry.toWKB('LSB', 'ISO').toString('hex').toUpperCase();
    const line = Buffer.from(`${hex.slice(0, 8)}20${srid}${hex.slice(10)}`, 'latin1');
    return this.begin(rows, line, 0, line.length);
  }

  /** Points are always valid. Only snapping changes them. */
  #points(rows: Rows, known: Kind, line: Buffer, from: number, to: number): boolean {
    const step = this.#fixes.snapToGrid;
    if (step === null) this.#asItIs(rows, known, line, from, to);
    else {
      const wkb = Buffer.from(line.toString('latin1', from, to), 'hex');
      this.#rewritten(rows, gdal.Geometry.fromWKB(snapped(withoutSrid(wkb), step)));
    }
    return true;
  }

  #asItIs(rows: Rows, known: Kind, line: Buffer, from: number, to: number): void {
    if (known.promoted === null) rows.begin('', line, from, to);
    else {
      this.counts.promoted += 1;
      rows.begin(known.promoted, line, from + headerDigits, to);
    }
  }

  #rewritten(rows: Rows, geometry: Geometry): void {
    const hex = Buffer.from(`${geometry.toWKB('LSB', 'ISO').toString('hex').toUpperCase()}`, 'latin1');
    const type = typeOf(hex, 0);
    const known = kinds[type];
    if (!known) throw new Error(`a repaired geometry is of type ${type}`);
    if (known.promoted !== null) this.counts.promoted += 1;
    rows.begin(known.promoted ?? `01${hex.toString('latin1', 2, 4)}000020${srid}`, hex, 10, hex.length);
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

function typeOf(hex: Buffer, from: number): number {
  return ((nibbles[hex[from + 2] ?? 0] ?? 0) << 4) | (nibbles[hex[from + 3] ?? 0] ?? 0);
}

/** No parts; or a point, whose absence is written as two NaN. */
function isEmpty(hex: Buffer, from: number, to: number): boolean {
  const body = from + headerDigits;
  if (typeOf(hex, from) === 1) return hex.toString('latin1', body + 12, body + 16) === 'F87F';
  return to - body === 8 && hex.toString('latin1', body, to) === '00000000';
}

function withoutSrid(ewkb: Buffer): Buffer {
  const wkb = Buffer.concat([ewkb.subarray(0, 5), ewkb.subarray(9)]);
  wkb.writeUInt32LE(wkb.readUInt32LE(1) & 0xff, 1);
  return wkb;
}
