import { z } from 'zod';
import { CoreMachineError } from '../core/errors.ts';
import { defineJob } from '../core/job.ts';
import type { Services } from '../core/services.ts';
import { createMosaicJson } from '../handlers/mosaic/create-mosaicjson.ts';
import { mosaicResults } from '../handlers/mosaic/result-schemas.ts';
import {
  cogsSummary,
  failedTile,
  mosaicLinks,
  mosaicSummary,
  mostFailures,
  stacSummary,
} from '../handlers/mosaic/results.ts';
import { requireBlobs } from '../handlers/parameters/blobs.ts';
import { collectionParameters, tileCogNames } from '../handlers/raster/collection-parameters.ts';
import { commonPixelSize } from '../handlers/raster/common-pixel-size.ts';
import { createCog } from '../handlers/raster/create-cog.ts';
import { ownerOf } from '../handlers/raster/own-blobs.ts';
import { requireSameKind } from '../handlers/raster/same-kind.ts';
import { type CogTier, rasterWarning, type ValidateRasterOutput } from '../handlers/raster/schemas.ts';
import { requireMapCrs } from '../handlers/raster/source-crs.ts';
import { requireTargetCrs } from '../handlers/raster/target-crs.ts';
import { tileWarnings } from '../handlers/raster/tile-warnings.ts';
import { validateRaster } from '../handlers/raster/validate-raster.ts';
import { createStacCollection } from '../handlers/stac/create-stac-collection.ts';

type Parameters = z.output<typeof collectionParameters>;

const result = z.object({
  collection_id: z.string(),
  validation: z.object({
    tiles_validated: z.int(),
    tiles_valid: z.int(),
    success_rate: z.string(),
    warnings: z.array(rasterWarning.extend({ tile_count: z.int(), blob_names: z.array(z.string()) })),
  }),
  ...mosaicResults.shape,
});

/** Tiles -> COGs -> MosaicJSON -> STAC collection with a search. */
export const processRasterCollection = defineJob('process_raster_collection', {
  description: 'Many rasters of one kind become cloud-optimised GeoTIFFs with a MosaicJSON and a STAC collection',
  parameters: collectionParameters,
  checkResources,
})
  .stage('validate_tiles', validateRaster, ({ params }) => inspections(params), { onFailure: 'continue' })
  .fanOut(
    'create_cogs',
    createCog,
    async function* ({ params, previous, services }) {
      const type = await requireSameKind(previous);
      const pixelSize = await commonPixelSize(services.gdal, previous, params.target_crs);
      const namesOf = new Map<CogTier, readonly string[]>();
      for await (const { number, key, output } of previous) {
        const tier = tierOf(params, output);
        const names = namesOf.get(tier) ?? tileCogNames(params, tier);
        namesOf.set(tier, names);
        const name = names[number] ?? key;
        const input = cogInput(params, output, { tier, name });
        yield { key, input: { ...input, raster_type: type ?? input.raster_type, pixel_size: pixelSize(output) } };
      }
    },
    { onFailure: 'continue' },
  )
  .fanIn('create_mosaicjson', createMosaicJson, async ({ params, previous }) =>
    params.create_mosaicjson
      ? {
          container_name: params.mosaicjson_container,
          blob_name: mosaicBlob(params),
          owner: ownerOf(['process_raster_collection', params.collection_id]),
          name: params.collection_id,
          maxzoom: params.maxzoom,
          cog_count: await previous.count(),
        }
      : null,
  )
  .fanInOf('create_cogs', 'create_stac_collection', createStacCollection, async ({ params, results }) =>
    params.create_stac_collection
      ? {
          collection_id: params.collection_id,
          stac_id: params.stac_item_id ?? params.collection_id,
          item_name: params.stac_item_id ?? params.collection_id,
          source: null,
          description: params.collection_description ?? `Raster collection: ${params.collection_id}`,
          mosaicjson_url: (await results.create_mosaicjson.first())?.output.mosaicjson_url ?? null,
          maxzoom: params.maxzoom,
          cog_count: await results.create_cogs.count(),
        }
      : null,
  )
  .finalize(result, async ({ params, results, stages, failures }) => {
    const [validated] = stages;
    const [total, valid] = [params.blob_list.length, validated?.counts.completed ?? 0];
    const failed = [
      ...(await failures('validate_tiles', mostFailures)),
      ...(await failures('create_cogs', mostFailures)),
    ];
    const stac = (await results.create_stac_collection.first())?.output;
    return {
      collection_id: params.collection_id,
      validation: {
        tiles_validated: total,
        tiles_valid: valid,
        success_rate: percent(valid / total),
        warnings: await tileWarnings(results.validate_tiles),
      },
      cogs: await cogsSummary(results.create_cogs, {
        total,
        failures: failed.map((failure) => failedTile(params.blob_list[placeOf(failure.key)] ?? failure.key, failure)),
      }),
      mosaicjson: mosaicSummary((await results.create_mosaicjson.first())?.output),
      stac: stacSummary(stac),
      ...mosaicLinks(stac),
    };
  });

async function checkResources(params: Parameters, services: Services): Promise<void> {
  const sizes = await requireBlobs(services, params.container_name, params.blob_list);
  const limit = services.settings.rasterSizeThresholdMb;
  const large = [...sizes].filter(([, bytes]) => bytes / 1024 / 1024 > limit);
  if (large.length > 0) {
    const details = large.map(([name, bytes]) => ({ path: name, message: `${Math.round(bytes / 1024 / 1024)} MB` }));
    const message = `${large.length} of the rasters have more than the limit of ${limit} MB; submit each to process_large_raster`;
    throw new CoreMachineError('RASTER_TOO_LARGE', message, { details });
  }
  checkOverwriting(params, services.settings.cogContainer);
  await requireTargetCrs(services, params.target_crs);
  if (params.input_crs !== null) await requireMapCrs(services.gdal, params.input_crs);
}

/** A COG must not take the place of a tile that is still to be read. */
function checkOverwriting(params: Parameters, cogContainer: string): void {
  if ((params.output_container ?? cogContainer) !== params.container_name) return;
  const sources = new Set(params.blob_list);
  const names = (['visualization', 'analysis', 'archive'] as const).flatMap((tier) => tileCogNames(params, tier));
  const details = names.filter((name) => sources.has(name)).map((name) => ({ path: 'blob_list', message: name }));
  if (details.length === 0) return;
  throw new CoreMachineError('INVALID_PARAMETERS', 'COGs would overwrite tiles of the list', { details });
}

/** The key carries the tile's place in the list through all stages. */
function* inspections(params: Parameters) {
  const { container_name, subdataset, input_crs, raster_type, strict_mode, output_tier } = params;
  const same = { container_name, subdataset, input_crs, raster_type, strict_mode, requested_tiers: [output_tier] };
  for (const [place, blob_name] of params.blob_list.entries()) {
    yield { key: `tile-${String(place).padStart(4, '0')}`, input: { ...same, blob_name } };
  }
}

function placeOf(key: string): number {
  return Number(key.replace('tile-', ''));
}

/** A tier that does not apply falls back to analysis; the validation has warned of it. */
function tierOf({ output_tier }: Parameters, { cog_tiers }: ValidateRasterOutput): CogTier {
  return cog_tiers.applicable_tiers.includes(output_tier) ? output_tier : 'analysis';
}

function cogInput(params: Parameters, validation: ValidateRasterOutput, output: { tier: CogTier; name: string }) {
  const { container_name, subdataset, target_crs, jpeg_quality, in_memory, output_container } = params;
  return {
    container_name,
    blob_name: validation.source_blob,
    subdataset,
    crs_override: validation.crs_source === 'user_override' ? validation.source_crs : null,
    source_crs: validation.source_crs,
    target_crs,
    raster_type: validation.effective_type,
    tier: output.tier,
    jpeg_quality,
    in_memory,
    output_blob: output.name,
    describe: params.create_stac_collection,
    ...(output_container !== null && { output_container }),
  };
}

function mosaicBlob({ output_folder, collection_id }: Parameters): string {
  return `${output_folder ? `${output_folder}/` : ''}${collection_id}.json`;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))}%`;
}
