import { CoreMachineError } from '../../core/errors.ts';
import { isObject, type JsonObject, type JsonValue } from '../../core/json.ts';

/** What gdalinfo says of a raster, as far as a STAC item needs it. */
export interface RasterFacts {
  readonly driver: string;
  readonly width: number;
  readonly height: number;
  readonly geoTransform: readonly number[];
  /** WKT 2. */
  readonly crs: string;
  /** IMAGE_STRUCTURE says so; COGs of old writers do not. */
  readonly isCog: boolean;
  /** By domain; the default one is the empty string. */
  readonly metadata: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bands: readonly BandFacts[];
}

export interface BandFacts {
  /** GDAL's name, e.g. `Float32`. */
  readonly type: string;
  /** e.g. `Red`, `Palette`, `Alpha`, `Undefined`. */
  readonly color: string;
  readonly description: string | null;
  /** NaN and the infinities included; null: none. */
  readonly nodata: number | null;
  readonly unit: string | null;
  readonly scale: number | null;
  readonly offset: number | null;
  /** Red, green, blue, alpha by value; null: none. */
  readonly colorTable: readonly (readonly number[])[] | null;
  /** False where nodata, a mask or an alpha band can make pixels invalid. */
  readonly allValid: boolean;
  readonly statistics: BandStatistics | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface BandStatistics {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  readonly stddev: number;
  readonly valid_percent?: number;
}

/** Reads gdalinfo's JSON. Throws CRS_MISSING without a CRS, RASTER_UNSUPPORTED without a place or without bands. */
export function rasterFacts(info: JsonObject): RasterFacts {
  const [width = 0, height = 0] = numbers(info.size);
  const crs = text(member(info.coordinateSystem).wkt);
  const bands = Array.isArray(info.bands) ? info.bands.map((band) => bandFacts(member(band))) : [];
  const metadata = domains(info.metadata);
  if (bands.length === 0 && metadata.SUBDATASETS) {
    throw new CoreMachineError('SUBDATASET_REQUIRED', 'the file holds several rasters, none of its own');
  }
  if (bands.length === 0) throw new CoreMachineError('RASTER_UNSUPPORTED', 'the raster has no bands');
  if (!crs) throw new CoreMachineError('CRS_MISSING', 'the raster has no coordinate reference system');
  const geoTransform = numbers(info.geoTransform);
  if (geoTransform.length !== 6) throw new CoreMachineError('RASTER_UNSUPPORTED', 'the raster has no geotransform');
  return {
    driver: text(info.driverShortName) ?? '',
    width,
    height,
    geoTransform,
    crs,
    isCog: metadata.IMAGE_STRUCTURE?.LAYOUT === 'COG',
    metadata,
    bands,
  };
}

function bandFacts(band: JsonObject): BandFacts {
  const { '': metadata = {} } = domains(band.metadata);
  const flags = member(band.mask).flags;
  const entries = member(band.colorTable).entries;
  return {
    type: text(band.type) ?? '',
    color: text(band.colorInterpretation) ?? 'Undefined',
    description: text(band.description),
    nodata: specialNumber(band.noDataValue),
    unit: text(band.unit),
    scale: number(band.scale),
    offset: number(band.offset),
    colorTable: Array.isArray(entries) ? entries.map(numbers) : null,
    // A raster that says nothing of a mask has none.
    allValid: !Array.isArray(flags) || flags.includes('ALL_VALID'),
    statistics: storedStatistics(metadata),
    metadata,
  };
}

/** Statistics as GDAL stores them with a band; approximate ones are not: the sample is as good. */
function storedStatistics(metadata: Readonly<Record<string, string>>): BandStatistics | null {
  if (metadata.STATISTICS_APPROXIMATE) return null;
  const value = (name: string) =>
    metadata[`STATISTICS_${name}`] ? Number(metadata[`STATISTICS_${name}`]) : Number.NaN;
  const [minimum, maximum, mean, stddev] = [value('MINIMUM'), value('MAXIMUM'), value('MEAN'), value('STDDEV')];
  if (![minimum, maximum, mean, stddev].every(Number.isFinite)) return null;
  const valid = value('VALID_PERCENT');
  return { minimum, maximum, mean, stddev, ...(Number.isFinite(valid) && { valid_percent: valid }) };
}

function domains(value: JsonValue | undefined): Record<string, Readonly<Record<string, string>>> {
  const entries = Object.entries(member(value)).map(([domain, items]) => [domain, strings(member(items))] as const);
  return Object.fromEntries(entries);
}

function strings(items: JsonObject): Record<string, string> {
  const pairs = Object.entries(items).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return Object.fromEntries(pairs);
}

function specialNumber(value: JsonValue | undefined): number | null {
  if (typeof value === 'number') return value;
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : null;
}

function number(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function numbers(value: JsonValue | undefined): number[] {
  return Array.isArray(value) ? value.filter((item): item is number => typeof item === 'number') : [];
}

function text(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

function member(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {};
}
