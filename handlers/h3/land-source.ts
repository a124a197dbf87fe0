import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import type { TaskContext } from '../../core/handler.ts';
import type { LandPolygon } from '../../core/ports/grid-store.ts';
import type { Services } from '../../core/services.ts';
import { requireBlob } from '../raster/parameters.ts';
import { onTheMap } from './antimeridian.ts';
import { parsePolygons } from './geojson-polygons.ts';
import { Land } from './land.ts';
import { naturalEarthCountries, naturalEarthLand } from './natural-earth.ts';

const sqlName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'must be the name of a schema or table');

export const landSource = z
  .union([
    z.strictObject({ container_name: z.string().min(1), blob_name: z.string().min(1) }),
    z.strictObject({ schema: sqlName, table: sqlName }),
  ])
  .nullable()
  .default(null)
  .describe(
    'Polygons of land: a GeoJSON blob, or a PostGIS table; a side of more than 180 degrees goes over the antimeridian. null: Natural Earth 1:110m.',
  );

export type LandSource = z.output<typeof landSource>;

const mostBytes = 256 * 1024 * 1024;

/** At submit. Throws CONTAINER_NOT_FOUND, FILE_NOT_FOUND, TABLE_NOT_FOUND. */
export async function requireLandSource(services: Services, source: LandSource): Promise<void> {
  if (source === null) return;
  if ('table' in source) return services.grids.requireLandTable(source);
  const bytes = await requireBlob(services, source.container_name, source.blob_name);
  if (bytes > mostBytes) throw invalid('the blob is larger than 256 MB; simplify the polygons');
}

export interface LandMap {
  readonly land: Land;
  readonly countries: Land;
}

/** The maps read last, by job and run: its tasks in one process share them. */
const maps = new Map<string, Promise<LandMap>>();

/** Throws LAND_INVALID, TABLE_NOT_FOUND, and what the blob store throws. */
export function landMap(context: TaskContext, source: LandSource): Promise<LandMap> {
  const key = source === null ? 'natural-earth' : `${context.job.id}/${context.job.run}`;
  const known = maps.get(key);
  if (known !== undefined) return known;
  for (const old of [...maps.keys()].slice(1)) maps.delete(old);
  const loading = loadMap(context.services, source);
  maps.set(key, loading);
  loading.catch(() => maps.delete(key));
  return loading;
}

async function loadMap(services: Services, source: LandSource): Promise<LandMap> {
  if (source === null) {
    return { land: new Land(naturalEarthLand()), countries: new Land(naturalEarthCountries()) };
  }
  const polygons = await ('table' in source ? services.grids.landPolygons(source) : readBlob(services, source));
  if (polygons.length === 0) throw invalid('it has no polygons');
  const land = new Land(polygons.flatMap(onTheMap));
  return { land, countries: land };
}

async function readBlob(
  { blobs }: Services,
  source: { readonly container_name: string; readonly blob_name: string },
): Promise<LandPolygon[]> {
  const bytes = await blobs.read({ container: source.container_name, name: source.blob_name });
  try {
    return parsePolygons(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const advice = 'it is not GeoJSON polygons in EPSG:4326; `ogr2ogr -f GeoJSON -t_srs EPSG:4326` makes them';
    throw new CoreMachineError('LAND_INVALID', `${source.blob_name}: ${advice}`, { cause });
  }
}

function invalid(problem: string): CoreMachineError {
  return new CoreMachineError('LAND_INVALID', `land_source: ${problem}`);
}
