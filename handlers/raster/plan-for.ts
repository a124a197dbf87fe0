import type { TaskContext } from '../../core/handler.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import { type RasterFacts, rasterFacts } from '../stac/raster-facts.ts';
import { type CogPlan, isNorthUp, type PlanInput, planCog, type TileWindow } from './cog-plan.ts';
import { beyondSeam, type Cylinder, cylinderOf } from './cylinder.ts';
import { globeExtent } from './extent.ts';
import type { CreateCogInput } from './schemas.ts';
import { ownGrid } from './target-grid.ts';

export type Wanted = Pick<
  CreateCogInput,
  'source_crs' | 'crs_override' | 'target_crs' | 'raster_type' | 'tier' | 'jpeg_quality' | 'pixel_size'
>;

/** What is known of a source before a tile of it is planned; it is the same for all of them. */
export interface Planning {
  readonly facts: RasterFacts;
  readonly info: JsonObject;
  /** Of the target. */
  readonly cylinder: Cylinder | null;
  /** Without a tile: of the whole. */
  planOf(tile?: TileWindow): CogPlan;
}

/** Looks at a source and plans COGs of it: of the whole, or of tiles. */
export async function planningFor(wanted: Wanted, source: GdalSource, context: TaskContext): Promise<Planning> {
  const { services, signal } = context;
  const info = await services.gdal.info(source, ['-norat'], { signal });
  const wkt = await services.gdal.describeCrs(wanted.source_crs);
  const facts = rasterFacts({ ...info, coordinateSystem: { wkt: wkt?.wkt2 ?? wanted.source_crs } });
  const extent = await globeExtent(services.gdal, facts, wanted.source_crs);
  const cylinder = await cylinderOf(services.gdal, wanted.target_crs);
  const names = { sourceCrs: wanted.source_crs, targetCrs: wanted.target_crs };
  const place = { ...names, extent, cylinder, pixelSize: wanted.pixel_size ?? null };
  const reprojects = wanted.source_crs !== wanted.target_crs || !isNorthUp(facts.geoTransform);
  const input: PlanInput = {
    facts,
    sourceCrs: wanted.source_crs,
    crsOverride: wanted.crs_override,
    targetCrs: wanted.target_crs,
    cylinder,
    beyond:
      reprojects && cylinder && extent ? await beyondSeam(services.gdal, wanted.target_crs, cylinder, extent) : null,
    grid: reprojects ? await ownGrid(services.gdal, facts, place) : null,
    pixelSize: wanted.pixel_size,
    packedBits: hasPackedBits(info),
    type: wanted.raster_type,
    tier: wanted.tier,
    jpegQuality: wanted.jpeg_quality,
  };
  return { facts, info, cylinder, planOf: (tile) => planCog({ ...input, tile }, services.gdal.capabilities) };
}

/** True when values are stored in fewer bits than their type has, e.g. 12 of 16. */
function hasPackedBits(info: JsonObject): boolean {
  const bands = Array.isArray(info.bands) ? info.bands : [];
  return bands.some((band) => {
    const metadata = isObject(band) && isObject(band.metadata) ? band.metadata : {};
    return isObject(metadata.IMAGE_STRUCTURE) && metadata.IMAGE_STRUCTURE.NBITS !== undefined;
  });
}
