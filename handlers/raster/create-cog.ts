import { defineHandler, type TaskContext } from '../../core/handler.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { GdalCommand, GdalRunOptions } from '../../core/ports/gdal.ts';
import { type RasterFacts, rasterFacts } from '../stac/raster-facts.ts';
import {
  cogCommand,
  intermediateCommand,
  internalMask,
  maskBandCommand,
  maskCommand,
  overviewCommand,
  statisticsCommand,
} from './cog-commands.ts';
import { type CogPlan, isNorthUp, overviewLevels, planCog } from './cog-plan.ts';
import { globeExtent } from './extent.ts';
import { accessTierOf } from './profiles.ts';
import { type CreateCogInput, type CreateCogOutput, createCogInput, createCogOutput } from './schemas.ts';
import { openSource } from './source.ts';
import { ownGrid } from './target-grid.ts';

export const createCog = defineHandler('create_cog', {
  description: 'Warps a raster into the target grid, once, and writes it as a cloud-optimised GeoTIFF to blob storage.',
  input: createCogInput,
  output: createCogOutput,
  limits: { timeoutSeconds: 4 * 3600 },
  run: (input, context) => context.services.workspace.use('cog', (folder) => makeCog(input, context, folder)),
});

async function makeCog(input: CreateCogInput, context: TaskContext, folder: string): Promise<CreateCogOutput> {
  const started = performance.now();
  const { services, signal } = context;
  const ref = { container: input.container_name, name: input.blob_name };
  const { subdataset, in_memory: localCopy } = input;
  const source = await openSource(services, ref, { subdataset, localCopy, folder, signal });
  const plan = await planFor(input, source, context);
  context.progress(0.05);
  const file = await writeCog(plan, source, folder, context);
  const info = await services.gdal.info(local(file), ['-norat'], { signal });
  const facts = rasterFacts(info);
  const target = { container: input.output_container ?? services.settings.cogContainer, name: input.output_blob };
  const storageTier = accessTierOf(input.tier);
  const uploaded = await services.blobs.upload(target, file, {
    contentType: 'image/tiff; application=geotiff; profile=cloud-optimized',
    accessTier: storageTier,
    signal,
  });
  const extent = await globeExtent(services.gdal, facts, input.target_crs);
  return {
    cog_blob: target.name,
    cog_container: target.container,
    cog_tier: input.tier,
    storage_tier: storageTier,
    source_blob: input.blob_name,
    source_container: input.container_name,
    reprojection_performed: plan.reprojects,
    source_crs: input.source_crs,
    target_crs: input.target_crs,
    bounds_4326: extent ? [...extent.bbox] : [],
    shape: [facts.height, facts.width],
    size_mb: Math.round((uploaded.sizeBytes / 1024 / 1024) * 100) / 100,
    compression: plan.compression.name,
    interleave: plan.interleave,
    raster_type: input.raster_type,
    overview_levels: overviewsOf(info, facts),
    processing_time_seconds: Math.round(performance.now() - started) / 1000,
    gdal_version: services.gdal.capabilities.version,
  };
}

async function planFor(input: CreateCogInput, source: GdalSource, { services, signal }: TaskContext): Promise<CogPlan> {
  const info = await services.gdal.info(source, ['-norat'], { signal });
  const wkt = await services.gdal.describeCrs(input.source_crs);
  const facts = rasterFacts({ ...info, coordinateSystem: { wkt: wkt?.wkt2 ?? input.source_crs } });
  const extent = await globeExtent(services.gdal, facts, input.source_crs);
  const place = { sourceCrs: input.source_crs, targetCrs: input.target_crs, extent };
  const reprojects = input.source_crs !== input.target_crs || !isNorthUp(facts.geoTransform);
  const plan = {
    facts,
    sourceCrs: input.source_crs,
    crsOverride: input.crs_override,
    targetCrs: input.target_crs,
    crossesAntimeridian: extent?.crossesAntimeridian ?? false,
    grid: reprojects ? await ownGrid(services.gdal, facts, place) : null,
    packedBits: hasPackedBits(info),
    type: input.raster_type,
    tier: input.tier,
    jpegQuality: input.jpeg_quality,
  };
  return planCog(plan, services.gdal.capabilities);
}

/** True when values are stored in fewer bits than their type has, e.g. 12 of 16. */
function hasPackedBits(info: JsonObject): boolean {
  const bands = Array.isArray(info.bands) ? info.bands : [];
  return bands.some((band) => {
    const metadata = isObject(band) && isObject(band.metadata) ? band.metadata : {};
    return isObject(metadata.IMAGE_STRUCTURE) && metadata.IMAGE_STRUCTURE.NBITS !== undefined;
  });
}

/** Runs the plan's steps, each on local scratch files; the COG's path. */
async function writeCog(plan: CogPlan, source: GdalSource, folder: string, context: TaskContext): Promise<string> {
  const { gdal } = context.services;
  const step = (from: number, to: number, config: Readonly<Record<string, string>> = {}): GdalRunOptions => ({
    signal: context.signal,
    config,
    onProgress: (fraction) => context.progress(from + (to - from) * fraction),
  });
  const warped = `${folder}/warped.tif`;
  let pixels = source;
  if (plan.mask === 'band') {
    pixels = { path: `${folder}/source-with-mask.vrt`, config: source.config };
    await gdal.run(maskBandCommand(plan, source, pixels.path), { signal: context.signal });
  }
  await gdal.run(intermediateCommand(plan, pixels, warped), step(0.05, 0.45, internalMask));
  let scratch = warped;
  if (plan.mask !== 'none') {
    scratch = `${folder}/masked.tif`;
    await gdal.run(maskCommand(plan, warped, scratch), step(0.45, 0.48, internalMask));
  }
  await gdal.run(await preparation(plan, scratch, context), step(0.48, 0.6, internalMask));
  const cog = `${folder}/cog.tif`;
  await gdal.run(cogCommand(plan, scratch, cog), step(0.6, 0.9, internalMask));
  return cog;
}

/** What the scratch file needs before it is written as a COG. */
async function preparation(plan: CogPlan, scratch: string, { services, signal }: TaskContext): Promise<GdalCommand> {
  if (plan.writer === 'cog') return statisticsCommand(scratch);
  const { width, height } = rasterFacts(await services.gdal.info(local(scratch), ['-norat'], { signal }));
  const levels = overviewLevels(width, height);
  return levels.length > 0 ? overviewCommand(plan, scratch, levels) : statisticsCommand(scratch);
}

/** Decimations along the longer side: a narrow raster's shorter one soon is one pixel. */
function overviewsOf(info: JsonObject, { width, height }: RasterFacts): number[] {
  const [longer, axis] = width >= height ? [width, 0] : [height, 1];
  const band = Array.isArray(info.bands) ? info.bands[0] : undefined;
  const overviews = isObject(band) && Array.isArray(band.overviews) ? band.overviews : [];
  const sizes = overviews.flatMap((overview) =>
    isObject(overview) && Array.isArray(overview.size) ? [Number(overview.size[axis])] : [],
  );
  return sizes.map((size) => Math.round(longer / size));
}

function local(path: string): GdalSource {
  return { path, config: {} };
}
