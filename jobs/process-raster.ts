import { z } from 'zod';
import { CoreMachineError } from '../core/errors.ts';
import { defineJob } from '../core/job.ts';
import type { StageResults } from '../core/results.ts';
import type { Services } from '../core/services.ts';
import { titilerUrls } from '../handlers/links/schemas.ts';
import { itemUrls } from '../handlers/links/titiler-urls.ts';
import { createCog } from '../handlers/raster/create-cog.ts';
import { cogBlobName } from '../handlers/raster/names.ts';
import { rasterOwner, requireOwnBlob } from '../handlers/raster/own-blobs.ts';
import { cogParameters, requireBlob } from '../handlers/raster/parameters.ts';
import { cogResult, validationResult } from '../handlers/raster/result-schemas.ts';
import { type CogTier, type CreateCogOutput, cogTiers, type ValidateRasterOutput } from '../handlers/raster/schemas.ts';
import { requireMapCrs } from '../handlers/raster/source-crs.ts';
import { requireTargetCrs } from '../handlers/raster/target-crs.ts';
import { validateRaster } from '../handlers/raster/validate-raster.ts';
import { extractStacMetadata } from '../handlers/stac/extract-stac-metadata.ts';
import { itemRender } from '../handlers/stac/item-render.ts';
import { collectionId, itemId } from '../handlers/stac/parameters.ts';
import { type ExtractStacMetadataOutput, extractStacMetadataOutput } from '../handlers/stac/schemas.ts';

const parameters = cogParameters.extend({
  output_tier: z
    .enum([...cogTiers, 'all'])
    .default('analysis')
    .describe(
      'visualization: JPEG or WEBP; analysis: DEFLATE, of a DEM LERC; archive: LZW; all: one COG for each tier that applies. DEFLATE and LZW have a predictor, but not of palettes, which it makes larger.',
    ),
  collection_id: collectionId,
  item_id: itemId,
});

/** Of a blob's name in Azure. */
const mostNameCharacters = 1024;

type Parameters = z.output<typeof parameters>;

const result = z.object({
  source_blob: z.string(),
  source_container: z.string(),
  validation: validationResult,
  cog: cogResult,
  cogs: z
    .array(z.object({ cog_tier: z.enum(cogTiers), ...cogResult.shape }))
    .optional()
    .describe('With output_tier all.'),
  stac: extractStacMetadataOutput
    .pick({ item_id: true, collection_id: true, bbox: true, inserted_to_pgstac: true })
    .extend({ ready_for_titiler: z.boolean() }),
  share_url: z.string().nullable(),
  titiler_urls: titilerUrls,
});

/** One raster -> COG(s) -> STAC item(s). */
export const processRaster = defineJob('process_raster', {
  description: 'One raster becomes a cloud-optimised GeoTIFF with a STAC item',
  parameters,
  checkResources: checkSource,
})
  .stage('validate', validateRaster, ({ params }) => [{ key: 'validate', input: inspection(params) }])
  .fanOut('create_cog', createCog, async ({ params, previous }) => {
    const validation = await previous.only();
    return tiersOf(params, validation).map((tier) => ({ key: tier, input: cogInput(params, validation, tier) }));
  })
  .fanOut('create_stac', extractStacMetadata, async ({ params, previous, results }) => {
    const { effective_type } = await results.validate.only();
    const cogs = await previous.all();
    return cogs.map(({ key, output }) => ({
      key,
      input: {
        container_name: output.cog_container,
        blob_name: output.cog_blob,
        collection_id: params.collection_id,
        item_id: itemIdOf(params.item_id, key, cogs.length),
        source_container: output.source_container,
        source_blob: output.source_blob,
        raster_type: effective_type,
        item_body: output.item_body,
      },
    }));
  })
  .finalize(result, async ({ params, results, services }) => {
    const validation = await results.validate.only();
    const cogs = (await results.create_cog.all()).map(({ output }) => output);
    const [cog] = cogs;
    const item = await firstOf(results.create_stac);
    if (!cog) throw new CoreMachineError('FINALIZE_FAILED', 'no COG was made');
    return {
      source_blob: params.blob_name,
      source_container: params.container_name,
      validation: {
        warnings: validation.warnings,
        raster_type: validation.raster_type.detected_type,
        confidence: validation.raster_type.confidence,
        source_crs: validation.source_crs,
        bit_depth_efficient: validation.bit_depth_check.efficient,
      },
      cog: summaryOf(cog),
      ...(params.output_tier === 'all' && { cogs: cogs.map((one) => ({ cog_tier: one.cog_tier, ...summaryOf(one) })) }),
      stac: {
        item_id: item.item_id,
        collection_id: item.collection_id,
        bbox: item.bbox,
        inserted_to_pgstac: item.inserted_to_pgstac,
        ready_for_titiler: services.catalogue.flavour !== 'small',
      },
      ...linksOf(services, item),
    };
  });

async function checkSource(params: Parameters, services: Services): Promise<void> {
  checkOutputName(params);
  const bytes = await requireBlob(services, params.container_name, params.blob_name);
  const limit = services.settings.rasterSizeThresholdMb;
  const megabytes = bytes / 1024 / 1024;
  if (megabytes > limit) {
    const message = `the raster has ${megabytes.toFixed(0)} MB, more than the limit of ${limit} MB; submit it to process_large_raster`;
    throw new CoreMachineError('RASTER_TOO_LARGE', message);
  }
  await requireTargetCrs(services, params.target_crs);
  if (params.input_crs !== null) await requireMapCrs(services.gdal, params.input_crs);
  await checkOverwriting(params, services);
}

/** `a.tif` and `a.png`, or `a.tif` of two containers, have one COG name. Each task looks again before it writes. */
async function checkOverwriting(params: Parameters, { blobs, settings }: Services): Promise<void> {
  const tiers = params.output_tier === 'all' ? cogTiers : [params.output_tier];
  for (const tier of tiers) {
    const ref = { container: settings.cogContainer, name: cogName(params, tier) };
    await requireOwnBlob(blobs, ref, rasterOwner(params));
  }
}

function cogName({ blob_name, subdataset, output_folder }: Parameters, tier: CogTier): string {
  return cogBlobName({ blobName: blob_name, subdataset, folder: output_folder, tier });
}

/** Found out now, not after the work. */
function checkOutputName(params: Parameters): void {
  const longest = cogName(params, 'visualization');
  if (longest.length <= mostNameCharacters) return;
  const message = `the COG's name would have ${longest.length} characters, more than the ${mostNameCharacters} of blob storage`;
  throw new CoreMachineError('INVALID_PARAMETERS', message, { details: [{ path: 'output_folder', message }] });
}

function inspection(params: Parameters) {
  const { container_name, blob_name, subdataset, input_crs, raster_type, strict_mode, output_tier } = params;
  const requested_tiers = output_tier === 'all' ? [] : [output_tier];
  return { container_name, blob_name, subdataset, input_crs, raster_type, strict_mode, requested_tiers };
}

/** A tier that does not apply falls back to analysis; the validation has warned of it. */
function tiersOf(params: Parameters, validation: ValidateRasterOutput): readonly CogTier[] {
  const { applicable_tiers } = validation.cog_tiers;
  if (params.output_tier === 'all') return applicable_tiers;
  return applicable_tiers.includes(params.output_tier) ? [params.output_tier] : ['analysis'];
}

function cogInput(params: Parameters, validation: ValidateRasterOutput, tier: CogTier) {
  const { container_name, blob_name, subdataset, target_crs, jpeg_quality, in_memory } = params;
  return {
    container_name,
    blob_name,
    subdataset,
    crs_override: validation.crs_source === 'user_override' ? validation.source_crs : null,
    source_crs: validation.source_crs,
    target_crs,
    raster_type: validation.effective_type,
    tier,
    jpeg_quality,
    in_memory,
    output_blob: cogName(params, tier),
    describe: true,
  };
}

/** One item a COG: a given id is completed by the tier when there are several. */
function itemIdOf(given: string | null, tier: string, count: number): string | null {
  return given === null || count === 1 ? given : `${given}-${tier}`;
}

async function firstOf<T>(results: StageResults<T>): Promise<T> {
  const first = await results.first();
  if (!first) throw new CoreMachineError('FINALIZE_FAILED', 'no STAC item was made');
  return first.output;
}

function summaryOf(cog: CreateCogOutput) {
  const { cog_blob, cog_container, size_mb, compression, reprojection_performed, processing_time_seconds } = cog;
  return { cog_blob, cog_container, size_mb, compression, reprojection_performed, processing_time_seconds };
}

function linksOf(services: Services, item: ExtractStacMetadataOutput) {
  const place = { collectionId: item.collection_id, itemId: item.item_id, render: itemRender(item.stac_item) };
  const { share_url, titiler_urls } = itemUrls(services.settings, place);
  return { share_url, titiler_urls: { ...titiler_urls } };
}
