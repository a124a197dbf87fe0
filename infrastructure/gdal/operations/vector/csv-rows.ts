import gdal, { type CoordinateTransformation } from 'gdal-async';
import type { CsvColumns, VectorRequest } from '../../../../core/ports/gdal.ts';
import { describeCrs, parseCrs, withGisAxisOrder } from '../crs.ts';
import { readCsv } from './csv-reader.ts';
import { type CsvType, widened } from './csv-types.ts';
import type { GeometryColumn } from './geometry-column.ts';
import { isPlace } from './on-earth.ts';
import { VectorProblem } from './problem.ts';
import type { TextRows } from './text-rows.ts';

const names = {
  latitude: ['latitude', 'lat', 'lat_dd', 'latitude_dd', 'y', 'ycoord', 'y_coord', 'northing'],
  longitude: ['longitude', 'lon', 'long', 'lng', 'lon_dd', 'longitude_dd', 'x', 'xcoord', 'x_coord', 'easting'],
  wkt: ['wkt', 'geom_wkt', 'wkt_geom', 'geometry', 'geom', 'the_geom', 'shape'],
} as const;

const mostBadRows = 100;

export interface CsvRows {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly records: number;
  /** Rows of fewer fields than the header has, and the number of the first. */
  readonly short: { readonly count: number; readonly first: number };
}

/** Where a record has its place: columns of latitude and longitude, or one of WKT. */
type Place = { readonly latitude: number; readonly longitude: number } | { readonly wkt: number };

export interface CsvTarget {
  /** New ones each time the file is begun. */
  begin(): { readonly rows: TextRows; readonly geometries: GeometryColumn };
}

/** Writes a CSV file's records. Throws INVALID_ROWS with the numbers of the rows (1 is the first after the header). */
export async function writeCsvRows(
  request: VectorRequest,
  target: CsvTarget,
  progress: (fraction: number) => void,
): Promise<CsvRows> {
  const transformation = toDegrees(request.inputCrs);
  let reader = new CsvRowWriter(request, target, transformation);
  const begin = () => {
    reader = new CsvRowWriter(request, target, transformation);
    return (fields: readonly string[], row: number) => reader.take(fields, row);
  };
  await readCsv(request.file, begin, progress);
  return reader.finish();
}

class CsvRowWriter {
  readonly #request: VectorRequest;
  readonly #rows: TextRows;
  readonly #geometries: GeometryColumn;
  readonly #transformation: CoordinateTransformation | null;
  readonly #bad: string[] = [];
  readonly #point = Buffer.alloc(16);
  #badCount = 0;
  #short = { count: 0, first: 0 };
  #crs: string | null = null;
  #header: readonly string[] = [];
  #types: (CsvType | null)[] = [];
  #place: Place = { wkt: -1 };
  #wkt = -1;
  #records = 0;

  constructor(request: VectorRequest, target: CsvTarget, transformation: CoordinateTransformation | null) {
    this.#request = request;
    this.#transformation = transformation;
    ({ rows: this.#rows, geometries: this.#geometries } = target.begin());
  }

  take(fields: readonly string[], row: number): void {
    if (row === 0) {
      this.#begin(fields);
      return;
    }
    this.#records = row;
    if (fields.length < this.#header.length) {
      this.#short = { count: this.#short.count + 1, first: this.#short.first || row };
    }
    const problem = fields.length > this.#header.length ? `has ${fields.length} fields` : this.#write(fields);
    if (problem === null) return;
    this.#badCount += 1;
    if (this.#bad.length < mostBadRows) this.#bad.push(`row ${row} ${problem}`);
  }

  finish(): CsvRows {
    if (this.#badCount > 0) {
      const message = `${this.#badCount} of ${this.#records} rows cannot be taken; the first: ${this.#bad[0]}`;
      throw new VectorProblem('INVALID_ROWS', message, this.#bad);
    }
    if (this.#header.length === 0) throw new VectorProblem('FILE_UNREADABLE', 'the file is empty');
    const columns = this.#header.map((name, index) => ({ name, type: this.#types[index] ?? 'text' }));
    return { columns: columns.filter((_, index) => index !== this.#wkt), records: this.#records, short: this.#short };
  }

  #begin(header: readonly string[]): void {
    this.#header = header.map((name) => name.trim());
    this.#types = header.map(() => null);
    this.#place = placeOf(this.#header, this.#request.csv);
    this.#wkt = 'wkt' in this.#place ? this.#place.wkt : -1;
  }

  /** What is wrong with the row; null: it is written, or has no place and is dropped. */
  #write(fields: readonly string[]): string | null {
    const place = this.#place;
    const problem =
      'wkt' in place
        ? this.#beginWkt(fields[place.wkt] ?? '')
        : this.#beginPoint((fields[place.longitude] ?? '').trim(), (fields[place.latitude] ?? '').trim());
    if (problem === 'dropped') return null;
    if (problem !== null) return problem;
    let text = '';
    for (let index = 0; index < this.#header.length; index += 1) {
      if (index === this.#wkt) continue;
      const value = fields[index] ?? '';
      if (value !== '') this.#types[index] = widened(this.#types[index] ?? null, value);
      const written = value === '' ? '\\N' : escaped(value);
      if (written === null) return `has a NUL character in ${shown(this.#header[index] ?? '')}`;
      text += `\t${written}`;
    }
    this.#rows.endText(text);
    return null;
  }

  #beginPoint(x: string, y: string): string | null {
    if (x === '' && y === '') {
      this.#geometries.counts.dropped += 1;
      return 'dropped';
    }
    const [longitude, latitude] = this.#degrees(numberOf(x), numberOf(y));
    if (!isPlace(longitude, latitude)) return `has no place on the Earth: ${shown(x)}, ${shown(y)}`;
    this.#point.writeDoubleLE(longitude, 0);
    this.#point.writeDoubleLE(latitude, 8);
    this.#geometries.beginPoint(this.#rows, this.#point);
    return null;
  }

  #beginWkt(given: string): string | null {
    const [prefix = '', srid] = /^SRID=(\d+);/i.exec(given.trim()) ?? [];
    if (srid !== undefined) this.#crs ??= crsOf(this.#request);
    if (srid !== undefined && Number(srid) !== 0 && `EPSG:${Number(srid)}` !== this.#crs) {
      return `is in SRID ${srid}, and the file is read in ${this.#crs}: input_crs tells of another`;
    }
    const wkt = given.trim().slice(prefix.length);
    if (wkt === '') {
      this.#geometries.counts.dropped += 1;
      return 'dropped';
    }
    let geometry: ReturnType<typeof gdal.Geometry.fromWKT>;
    try {
      geometry = gdal.Geometry.fromWKT(wkt);
      if (this.#transformation) geometry.transform(this.#transformation);
    } catch {
      return `has no WKT geometry: ${shown(wkt)}`;
    }
    const { minX, minY, maxX, maxY } = geometry.getEnvelope();
    if (!geometry.isEmpty() && !(isPlace(minX, minY) && isPlace(maxX, maxY))) {
      return `has no place on the Earth: ${shown(wkt)}`;
    }
    return this.#geometries.beginGeometry(this.#rows, geometry) ? null : 'dropped';
  }

  #degrees(x: number, y: number): readonly [number, number] {
    if (!this.#transformation || Number.isNaN(x) || Number.isNaN(y)) return [x, y];
    try {
      const point = this.#transformation.transformPoint(x, y);
      return [point.x, point.y];
    } catch {
      return [Number.NaN, Number.NaN];
    }
  }
}

/** `EPSG:n`, or as it was given where no code is the same. */
function crsOf({ inputCrs }: VectorRequest): string {
  if (inputCrs === null || isDegrees(inputCrs)) return 'EPSG:4326';
  return describeCrs(inputCrs)?.authorityCode ?? inputCrs;
}

function isDegrees(definition: string): boolean {
  return /^(?:EPSG:4326|OGC:CRS84|WGS84)$/i.test(definition);
}

/** The columns asked for, or those that are called as such columns are. */
function placeOf(header: readonly string[], given: CsvColumns): Place {
  const { latitude, longitude, wkt } = given;
  if (wkt !== null) return { wkt: indexOf(header, wkt) };
  if (latitude !== null && longitude !== null) {
    return { latitude: indexOf(header, latitude), longitude: indexOf(header, longitude) };
  }
  const found = { latitude: detected(header, names.latitude), longitude: detected(header, names.longitude) };
  if (found.latitude !== -1 && found.longitude !== -1) return found;
  const geometry = detected(header, names.wkt);
  if (geometry !== -1) return { wkt: geometry };
  throw new VectorProblem(
    'NO_GEOMETRY',
    'no columns look like coordinates: give lat_name and lon_name, or wkt_column',
    header,
  );
}

function indexOf(header: readonly string[], name: string): number {
  const exact = header.indexOf(name);
  const found = exact === -1 ? header.findIndex((one) => one.toLowerCase() === name.toLowerCase()) : exact;
  if (found !== -1) return found;
  throw new VectorProblem('NO_GEOMETRY', `there is no column ${JSON.stringify(name)}`, header);
}

function detected(header: readonly string[], candidates: readonly string[]): number {
  const lower = header.map((name) => name.toLowerCase());
  const name = candidates.find((one) => lower.includes(one));
  return name === undefined ? -1 : lower.indexOf(name);
}

function toDegrees(definition: string | null): CoordinateTransformation | null {
  if (definition === null || isDegrees(definition)) return null;
  return withGisAxisOrder(() => {
    const [source, target] = [parseCrs(definition), parseCrs('EPSG:4326')];
    if (!source || !target) throw new VectorProblem('CRS_INVALID', `GDAL does not know the CRS ${shown(definition)}`);
    return new gdal.CoordinateTransformation(source, target);
  });
}

function numberOf(text: string): number {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

const special = /[\0\\\t\n\r]/;
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** null: PostgreSQL has no texts with NUL. */
function escaped(value: string): string | null {
  if (!special.test(value)) return value;
  return value.includes('\0') ? null : value.replaceAll(/[\\\t\n\r]/g, (found) => escapes[found] ?? found);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
