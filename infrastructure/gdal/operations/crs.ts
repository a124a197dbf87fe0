import gdal, { type SpatialReference } from 'gdal-async';
import { isObject, type JsonObject } from '../../../core/json.ts';
import type { CrsDescription } from '../../../core/ports/gdal.ts';

/**
 * Forms that are definitions and nothing else. GDAL would take the name of a file or the address of a page as well,
 * and read it: not from what a user wrote.
 */
const definitionForms: readonly RegExp[] = [
  /^[A-Za-z][A-Za-z0-9_]*:[A-Za-z0-9_]+(?:\+[0-9]+)?$/,
  /^urn:ogc:def:crs[:,][\w:.,-]+$/i,
  /^https?:\/\/(?:www\.)?opengis\.net\/def\/crs\/[\w./-]+$/i,
  /^\s*\+(?:proj=|init=epsg:\d)/i,
  /^\s*[A-Z][A-Z0-9_]*\s*[[(][\s\S]*[\])]\s*$/i,
  /^\s*\{[\s\S]*\}\s*$/,
  /^(?:WGS84|WGS72|NAD27|NAD83)$/i,
];

/** The spatial reference, null when PROJ does not know it. */
export function parseCrs(definition: string): SpatialReference | null {
  if (!definitionForms.some((form) => form.test(definition))) return null;
  try {
    return gdal.SpatialReference.fromUserInput(definition);
  } catch {
    return null;
  }
}

/** Runs `work` with spatial references that take and give x (longitude, easting) first, whatever the authority says. */
export function withGisAxisOrder<T>(work: () => T): T {
  const option = 'OSR_DEFAULT_AXIS_MAPPING_STRATEGY';
  gdal.config.set(option, 'TRADITIONAL_GIS_ORDER');
  try {
    return work();
  } finally {
    gdal.config.set(option, null);
  }
}

export function describeCrs(definition: string): CrsDescription | null {
  const reference = parseCrs(definition);
  if (!reference) return null;
  const epsg = epsgCodeOf(reference);
  // A definition that is an EPSG one in other words is described as the EPSG does: with its area of use.
  return describe(epsg === null ? definition : `EPSG:${epsg}`, reference, epsg);
}

/**
 * gdal-async has no call for WKT 2 or for the area of use, but gdalinfo prints both of a raster, as WKT and as
 * PROJJSON; so a raster of one pixel is given the definition.
 */
function describe(definition: string, reference: SpatialReference, epsg: string | null): CrsDescription | null {
  const pixel = gdal.open('', 'w', 'MEM', 1, 1, 1);
  const carrier = gdal.translate('', pixel, ['-q', '-of', 'MEM', '-a_srs', definition]);
  const info = member(JSON.parse(gdal.info(carrier, ['-json'])));
  carrier.close();
  pixel.close();
  const wkt2 = member(info.coordinateSystem).wkt;
  if (typeof wkt2 !== 'string') return null;
  return {
    authorityCode: epsg === null ? null : `EPSG:${epsg}`,
    wkt2,
    wkt1: wkt1Of(reference),
    projected: reference.isProjected(),
    areaOfUse: areaOfUse(member(member(info.stac)['proj:projjson']).bbox),
  };
}

function wkt1Of(reference: SpatialReference): string | null {
  try {
    return reference.toWKT();
  } catch {
    return null;
  }
}

function areaOfUse(bbox: unknown): CrsDescription['areaOfUse'] {
  const { west_longitude, south_latitude, east_longitude, north_latitude } = member(bbox);
  const degrees = [west_longitude, south_latitude, east_longitude, north_latitude].map(Number);
  const [west = Number.NaN, south = Number.NaN, east = Number.NaN, north = Number.NaN] = degrees;
  return degrees.every(Number.isFinite) ? [west, south, east, north] : null;
}

function member(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The EPSG code that the definition carries, or that of the EPSG's system that it equals. */
function epsgCodeOf(reference: SpatialReference): string | null {
  const own = ownCode(reference);
  if (own !== null) return own;
  const candidates = [bestMatch(reference), ...wgs84Candidates(reference)];
  return candidates.find((code) => code !== null && equalsEpsg(reference, code)) ?? null;
}

function ownCode(reference: SpatialReference): string | null {
  return reference.getAuthorityName(null) === 'EPSG' ? reference.getAuthorityCode(null) : null;
}

function equalsEpsg(reference: SpatialReference, code: string): boolean {
  const other = parseCrs(`EPSG:${code}`);
  return other !== null && reference.isSame(other);
}

/**
 * PROJ's search for the database entry nearest to a definition is not in gdal-async, but the Shapefile driver makes it
 * for the .prj files it reads, which never carry a code; and the GeoJSON driver writes down what was found. Not asked of
 * the layer: once its dataset is closed, gdal-async takes new spatial references for the layer's old one.
 */
function bestMatch(reference: SpatialReference): string | null {
  const [shapefile, json] = ['/vsimem/coremachine-crs.shp', '/vsimem/coremachine-crs.json'];
  try {
    const written = gdal.open(shapefile, 'w', 'ESRI Shapefile');
    written.layers.create('crs', reference, gdal.wkbPoint);
    written.close();
    const read = gdal.open(shapefile);
    gdal.vectorTranslate(json, read, ['-f', 'GeoJSON']).close();
    read.close();
    gdal.drivers.get('ESRI Shapefile').deleteDataset(shapefile);
    return /"urn:ogc:def:crs:EPSG:[^:"]*:(\d+)"/.exec(gdal.vsimem.release(json).toString())?.[1] ?? null;
  } catch {
    return null;
  }
}

/** The usual proj strings have no name that the search could go by. */
function wgs84Candidates(reference: SpatialReference): readonly string[] {
  const proj4 = projString(reference);
  const zone = /\+proj=utm \+zone=(\d+)( \+south)?/.exec(proj4);
  if (zone) return [`${zone[2] ? 327 : 326}${zone[1]?.padStart(2, '0')}`];
  return proj4.includes('+proj=longlat') ? ['4326'] : [];
}

function projString(reference: SpatialReference): string {
  try {
    return reference.toProj4();
  } catch {
    return '';
  }
}
