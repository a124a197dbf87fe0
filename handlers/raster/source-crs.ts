import { CoreMachineError } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { CrsDescription, Gdal } from '../../core/ports/gdal.ts';
import type { RasterWarning, ValidateRasterInput } from './schemas.ts';
import { warning } from './warnings.ts';

export interface SourceCrs extends CrsDescription {
  /** `EPSG:n`, or WKT 2 where no EPSG code is the same. */
  readonly name: string;
  readonly origin: 'file_metadata' | 'user_override';
  readonly warnings: readonly RasterWarning[];
}

/**
 * The CRS a raster is in: the file's own where it has a usable one, else `input_crs`. Throws CRS_MISSING, CRS_INVALID,
 * and RASTER_UNSUPPORTED for a raster that is placed by control points only.
 */
export async function sourceCrsOf(info: JsonObject, input: ValidateRasterInput, gdal: Gdal): Promise<SourceCrs> {
  refusePointsOnly(info);
  const given = input.input_crs === null ? null : await requireMapCrs(gdal, input.input_crs);
  const wkt = isObject(info.coordinateSystem) ? info.coordinateSystem.wkt : undefined;
  const own = typeof wkt === 'string' && wkt !== '' ? wkt : null;
  const described = own === null ? null : await gdal.describeCrs(own);
  if (described && isMapCrs(described)) return ownCrs(described, given, input.input_crs);
  if (given) {
    const message = `the file's own CRS is no projected or geographic one; input_crs ${input.input_crs} is used instead`;
    return {
      ...given,
      ...named(given),
      origin: 'user_override',
      warnings: own ? [warning('CRS_UNUSABLE', message)] : [],
    };
  }
  if (own === null || own.startsWith('ENGCRS') || own.startsWith('LOCAL_CS')) {
    const what = own === null ? 'no coordinate reference system' : 'a local grid without a place on the Earth';
    throw new CoreMachineError('CRS_MISSING', `${input.blob_name} has ${what}; give input_crs`);
  }
  throw new CoreMachineError('CRS_INVALID', "the file's own CRS is no projected or geographic one that GDAL can use");
}

/** The description of a CRS that a user named. Throws CRS_INVALID. */
export async function requireMapCrs(gdal: Gdal, definition: string): Promise<CrsDescription> {
  const described = await gdal.describeCrs(definition);
  if (!described) throw new CoreMachineError('CRS_INVALID', `GDAL does not know the CRS ${shown(definition)}`);
  if (isMapCrs(described)) return described;
  throw new CoreMachineError('CRS_INVALID', `${shown(definition)} is no projected or geographic CRS`);
}

/** Rasters lie in projected or geographic systems; geocentric, vertical and local ones cannot be warped from or to. */
function isMapCrs({ wkt2 }: CrsDescription): boolean {
  return /^(?:PROJCRS|GEOGCRS|BOUNDCRS|COMPOUNDCRS|DERIVEDPROJCRS)\b/.test(wkt2);
}

/** What a user wrote, as a message may say it. */
export function shown(definition: string): string {
  return JSON.stringify(definition.slice(0, 200));
}

function ownCrs(own: CrsDescription, given: CrsDescription | null, inputCrs: string | null): SourceCrs {
  const { name } = named(own);
  const differs = given !== null && named(given).name !== name;
  const message = `the file's own CRS (${own.authorityCode ?? 'without a code'}) is used, not input_crs ${inputCrs}`;
  return { ...own, name, origin: 'file_metadata', warnings: differs ? [warning('CRS_MISMATCH', message)] : [] };
}

function named({ authorityCode, wkt2 }: CrsDescription): { name: string } {
  return { name: authorityCode ?? wkt2 };
}

function refusePointsOnly(info: JsonObject): void {
  if (Array.isArray(info.geoTransform)) return;
  const domains = isObject(info.metadata) ? info.metadata : {};
  const points = isObject(info.gcps)
    ? 'ground control points'
    : domains.RPC
      ? 'rational polynomial coefficients'
      : null;
  if (points === null) return;
  throw new CoreMachineError('RASTER_UNSUPPORTED', `the raster is placed by ${points} only; rectify it first`);
}
