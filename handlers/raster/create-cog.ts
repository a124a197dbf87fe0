import { defineHandler, type TaskContext } from '../../core/handler.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { BlobProperties, BlobRef, GdalSource } from '../../core/ports/blob-store.ts';
import type { GdalCommand } from '../../core/ports/gdal.ts';
import { mercatorSize } from '../mosaic/mercator-size.ts';
import { zoomsOf } from '../mosaic/tile-grid.ts';
import { describeRaster } from '../stac/describe-raster.ts';
import type { ItemBody } from '../stac/item-body.ts';
import { type RasterFacts, rasterFacts } from '../stac/raster-facts.ts';
import { thumbnailName } from '../stac/thumbnail-name.ts';
import { cogCommand, overviewCommand, pyramidCommand, statisticsCommand } from './cog-commands.ts';
import { type CogPlan, makesPyramid, overviewLevels } from './cog-plan.ts';
import { dtypeOf } from './describe.ts';
import { globeExtent } from './extent.ts';
import { rasterOwner, requireOwnBlob } from './own-blobs.ts';
import { planningFor } from './plan-for.ts';
import { accessTierOf } from './profiles.ts';
import { type CreateCogInput, type CreateCogOutput, createCogInput, createCogOutput } from './schemas.ts';
import { laterStep, scratchPixels, unmaskedPixels } from './scratch.ts';
import { openSource } from './source.ts';
import { type Describe, storeCog } from './store-cog.ts';
import { transferred } from './transfer.ts';

export const createCog = defineHandler('create_cog', {
  description: 'Warps a raster into the target grid, once, and writes it as a cloud-optimised GeoTIFF to blob storage.',
  input: createCogInput,
  output: createCogOutput,
  limits: { timeoutSeconds: 4 * 3600 },
  run: (input, context) => {
    const { services, signal } = context;
    return services.workspace.use('cog', (folder) => makeCog(input, context, folder), { large: true, signal });
  },
});

async function makeCog(input: CreateCogInput, context: TaskContext, folder: string): Promise<CreateCogOutput> {
  const started = performance.now();
  const { services, signal } = context;
  const target = { container: input.output_container ?? services.settings.cogContainer, name: input.output_blob };
  const owner = rasterOwner(input);
  await requireOwnBlob(services.blobs, target, owner);
  const pixels = pixelsOf(input);
  const { subdataset, in_memory: localCopy } = pixels;
  const ref = { container: pixels.container_name, name: pixels.blob_name };
  const source = await openSource(services, ref, { subdataset, localCopy, folder, context, span: [0, 0.15] });
  const plan = (await planningFor(pixels, source, context)).planOf(input.tile);
  context.progress(0.15);
  const file = await writeCog(plan, source, folder, context);
  const info = await services.gdal.info(local(file), ['-norat'], { signal, ahead: true });
  const facts = rasterFacts(info);
  const extent = await globeExtent(services.gdal, facts, input.target_crs);
  const size = await mercatorSize(services.gdal, input.target_crs, facts);
  const zooms = size && zoomsOf(size);
  const storageTier = accessTierOf(input.tier);
  const upload = {
    contentType: 'image/tiff; application=geotiff; profile=cloud-optimized',
    accessTier: storageTier,
    owner,
    signal,
    onProgress: transferred(context, [0.9, 0.99]),
  };
  const describing: Describe = (stored) => describe(input, { facts, stored, target, file }, context);
  const { sizeBytes, itemBody } = await storeCog(target, file, upload, input.describe ? describing : null, context);
  return {
    cog_blob: target.name,
    cog_container: target.container,
    cog_tier: input.tier,
    storage_tier: storageTier,
    source_blob: input.blob_name,
    source_container: input.container_name,
    reprojection_performed: plan.reprojects || pixels.source_crs !== input.source_crs,
    source_crs: input.source_crs,
    target_crs: input.target_crs,
    bounds_4326: extent ? [...extent.bbox] : [],
    shape: [facts.height, facts.width],
    dtype: dtypeOf(facts),
    zoom_range: zooms && [zooms.minzoom, zooms.maxzoom],
    size_mb: Math.round((sizeBytes / 1024 / 1024) * 100) / 100,
    compression: plan.compression.name,
    interleave: plan.interleave,
    raster_type: input.raster_type,
    overview_levels: overviewsOf(info, facts),
    processing_time_seconds: Math.round(performance.now() - started) / 1000,
    gdal_version: services.gdal.capabilities.version,
    ...(itemBody && { item_body: itemBody }),
  };
}

interface Written {
  readonly facts: RasterFacts;
  readonly stored: Promise<BlobProperties>;
  /** The COG in blob storage, and here. */
  readonly target: BlobRef;
  readonly file: string;
}

/**
 * Here, where its pixels still lie on the disk: ten thousand COGs to be opened again afterwards are half an hour. Beside the
 * upload, which keeps the network busy and no core.
 */
function describe(input: CreateCogInput, cog: Written, context: TaskContext): Promise<ItemBody> {
  const { target: raster, facts, stored } = cog;
  return describeRaster(
    {
      ...{ raster, facts, stored, rasterType: input.raster_type },
      source: local(cog.file),
      thumbnail: { container: raster.container, name: thumbnailName(raster, raster.container) },
      madeFrom: { container: input.container_name, name: input.blob_name },
    },
    context,
  );
}

/** A window that was cut before is taken as it is. */
function pixelsOf(input: CreateCogInput): CreateCogInput {
  if (!input.window) return input;
  return { ...input, ...input.window, subdataset: null, source_crs: input.target_crs, crs_override: null };
}

/** Runs the plan's steps, each on local scratch files; the COG's path. */
async function writeCog(plan: CogPlan, source: GdalSource, folder: string, context: TaskContext): Promise<string> {
  const prepared = makesPyramid(plan) ? pyramid : maskedFile;
  const scratch = await prepared(plan, source, folder, context);
  const cog = `${folder}/cog.tif`;
  await context.services.gdal.run(cogCommand(plan, scratch, cog), laterStep(context, [0.6, 0.9]));
  return cog;
}

async function pyramid(plan: CogPlan, source: GdalSource, folder: string, context: TaskContext): Promise<string> {
  const warped = await unmaskedPixels(plan, source, folder, context, [0.15, 0.45]);
  const vrt = `${folder}/pyramid.vrt`;
  const command = pyramidCommand(plan, warped, vrt, await levelsOf(warped, context));
  await context.services.gdal.run(command, laterStep(context, [0.45, 0.6]));
  return vrt;
}

async function maskedFile(plan: CogPlan, source: GdalSource, folder: string, context: TaskContext): Promise<string> {
  const scratch = await scratchPixels(plan, source, folder, context, [0.15, 0.48]);
  await context.services.gdal.run(await preparation(plan, scratch, context), laterStep(context, [0.48, 0.6]));
  return scratch;
}

/** What the scratch file needs before it is written as a COG. */
async function preparation(plan: CogPlan, scratch: string, context: TaskContext): Promise<GdalCommand> {
  if (plan.writer === 'cog') return statisticsCommand(scratch);
  const levels = await levelsOf(scratch, context);
  return levels.length > 0 ? overviewCommand(plan, scratch, levels) : statisticsCommand(scratch);
}

async function levelsOf(file: string, { services, signal }: TaskContext): Promise<number[]> {
  const { width, height } = rasterFacts(await services.gdal.info(local(file), ['-norat'], { signal, ahead: true }));
  return overviewLevels(width, height);
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
