import type { JsonObject } from '../../core/json.ts';
import type { BandFacts, BandStatistics } from './raster-facts.ts';

/** GDAL's data types by STAC's names for them. */
const dataTypes: Readonly<Record<string, string>> = {
  Byte: 'uint8',
  Int8: 'int8',
  UInt16: 'uint16',
  Int16: 'int16',
  UInt32: 'uint32',
  Int32: 'int32',
  UInt64: 'uint64',
  Int64: 'int64',
  Float16: 'float16',
  Float32: 'float32',
  Float64: 'float64',
  CInt16: 'cint16',
  CInt32: 'cint32',
  CFloat32: 'cfloat32',
  CFloat64: 'cfloat64',
};

const colorNames = new Set(['Red', 'Green', 'Blue', 'Alpha']);

/**
 * The bands of an asset twice: as STAC 1.1's common `bands`, and as `raster:bands` of the raster extension 1.1, from
 * which titiler-pgstac's mosaics still take the range of values.
 */
export function bandObjects(
  bands: readonly BandFacts[],
  statistics: readonly (BandStatistics | null)[],
): { bands: JsonObject[]; 'raster:bands': JsonObject[] } {
  const values = bands.map((band, index) => valuesOf(band, statistics[index] ?? null));
  const names = bandNames(bands);
  return {
    bands: bands.map((band, index) => ({
      name: names[index],
      ...(band.description && { description: band.description }),
      ...values[index],
    })),
    'raster:bands': bands.map((band, index) => ({
      ...values[index],
      ...(band.scale !== null && { scale: band.scale }),
      ...(band.offset !== null && { offset: band.offset }),
    })),
  };
}

/** Red, green, blue and alpha by what they are, others by their place: `b5`. Readers choose bands by these. */
export function bandNames(bands: readonly BandFacts[]): string[] {
  return bands.map(({ color }, index) => {
    const known = colorNames.has(color) && bands.filter((band) => band.color === color).length === 1;
    return known ? color.toLowerCase() : `b${index + 1}`;
  });
}

function valuesOf(band: BandFacts, statistics: BandStatistics | null): JsonObject {
  return {
    data_type: dataTypes[band.type] ?? 'other',
    ...(band.nodata !== null && { nodata: nodataOf(band.nodata) }),
    ...(band.unit && { unit: band.unit }),
    ...(statistics && { statistics: { ...statistics } }),
  };
}

/** JSON has no such numbers; STAC spells them. */
function nodataOf(nodata: number): number | string {
  if (Number.isNaN(nodata)) return 'nan';
  if (Number.isFinite(nodata)) return nodata;
  return nodata > 0 ? 'inf' : '-inf';
}
