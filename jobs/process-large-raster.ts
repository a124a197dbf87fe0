import { z } from 'zod';
import { CoreMachineError } from '../core/errors.ts';
import { defineJob, type JobInfo } from '../core/job.ts';
import type { BlobRef } from '../core/ports/blob-store.ts';
import type { StageRecord } from '../core/ports/state-store.ts';
import type { StageResults } from '../core/results.ts';
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
import { createCog } from '../handlers/raster/create-cog.ts';
import { inFolder, stemOf, tileCogBlobName } from '../handlers/raster/names.ts';
import { rasterOwner, requireOwnBlob } from '../handlers/raster/own-blobs.ts';
import { cogParameters, mosaicMaxzoom, requireBlob } from '../handlers/raster/parameters.ts';
import { validationResult } from '../handlers/raster/result-schemas.ts';
import { requireMapCrs } from '../handlers/raster/source-crs.ts';
import { requireTargetCrs } from '../handlers/raster/target-crs.ts';
import { createStacCollection } from '../handlers/stac/create-stac-collection.ts';
import { derivedItemId } from '../handlers/stac/item-id.ts';
import { requireOwnItems } from '../handlers/stac/own-items.ts';
import { collectionId, itemId } from '../handlers/stac/parameters.ts';
import { extractTiles } from '../handlers/tiling/extract-tiles.ts';
import { generateTilingScheme } from '../handlers/tiling/generate-tiling-scheme.ts';
import { schemeBlobName, tilesContainer, windowBlobName, windows } from '../handlers/tiling/names.ts';
import type { ExtractTilesOutput, GenerateTilingSchemeOutput } from '../handlers/tiling/schemas.ts';
import { cutOf, tileWindowOf } from '../handlers/tiling/tile-windows.ts';
import { tileAt } from '../handlers/tiling/tiles.ts';

const fields = cogParameters.extend({
  in_memory: cogParameters.shape.in_memory.describe(
    'Taken for the sake of clients of process_raster; windows are read as is best for the source.',
  ),
  collection_id: collectionId,
  item_id: itemId.describe('Stands for a missing stac_item_id.'),
  stac_item_id: itemId.describe(
    'STAC collection of the tiles, of its own; null: item_id, else the collection_id that is given, which rasters may share, else one named after the blob.',
  ),
  output_folder: cogParameters.shape.output_folder.describe(
    'Folder in the containers of the COGs, the tiling scheme and the MosaicJSON.',
  ),
  tile_size: z
    .int()
    .min(256)
    .max(32_768)
    .nullable()
    .default(null)
    .describe('Side of a tile in pixels of the target; null: about 300 MB without compression, a multiple of 512.'),
  overlap: z.int().min(0).default(0).describe('Pixels a tile has of its neighbours; less than half of tile_size.'),
  maxzoom: mosaicMaxzoom,
});

/** Asked though others are wrong, so that all problems come in one answer. */
const parameters = fields.refine(({ overlap, tile_size }) => tile_size === null || overlap < tile_size / 2, {
  path: ['overlap'],
  message: 'must be less than half of tile_size',
  when: () => true,
});

type Parameters = z.output<typeof parameters>;

const mostNameCharacters = 1024;
const mosaicContainer = 'silver-mosaicjson';
/** The default of collection_id: of many rasters, so that the tiles of one would be lost among them. */
const sharedCollection = 'system-rasters';

const result = z.object({
  job_id: z.string(),
  source_blob: z.string(),
  source_container: z.string(),
  tiling: z.object({
    scheme_blob: z.string(),
    scheme_container: z.string(),
    tile_count: z.int(),
    tile_size: z.int(),
    grid_dimensions: z.string(),
    empty_tiles_skipped: z.int(),
  }),
  validation: validationResult,
  extraction: z.object({ processing_time_seconds: z.number(), tiles_extracted: z.int() }),
  ...mosaicResults.shape,
});

/** One raster of any size -> tiles of the target grid -> COGs -> MosaicJSON -> STAC. */
export const processLargeRaster = defineJob('process_large_raster', {
  description:
    'One raster of any size becomes seamless cloud-optimised GeoTIFFs with a MosaicJSON and a STAC collection',
  parameters,
  aliases: ['tile_raster'],
  temporary: windows,
  checkResources,
})
  .stage('generate_tiling_scheme', generateTilingScheme, ({ params }) => [
    { key: 'scheme', input: schemeInput(params) },
  ])
  .fanOut('extract_tiles', extractTiles, async ({ params, previous, job }) =>
    batches(params, await previous.only(), job),
  )
  .fanOut(
    'convert_to_cogs',
    createCog,
    async function* ({ params, previous, results }) {
      const scheme = await results.generate_tiling_scheme.only();
      let found = 0;
      for await (const { output } of previous) {
        for (const number of output.tiles) yield cogTask(params, scheme, number, output.windows_folder);
        found += output.tiles.length;
      }
      if (found === 0) throw new CoreMachineError('RASTER_UNSUPPORTED', 'the raster has no valid pixel');
    },
    { onFailure: 'continue' },
  )
  .fanIn('create_mosaicjson', createMosaicJson, async ({ params, previous }) => ({
    container_name: mosaicOf(params).container,
    blob_name: mosaicOf(params).name,
    owner: rasterOwner(params),
    name: nameOf(params),
    maxzoom: params.maxzoom,
    cog_count: await previous.count(),
  }))
  .fanInOf('convert_to_cogs', 'create_stac', createStacCollection, async ({ params, previous, results }) => ({
    collection_id: stacIdOf(params),
    stac_id: stacIdOf(params),
    item_name: nameOf(params),
    source: { container: params.container_name, name: params.blob_name },
    description: descriptionOf(params),
    mosaicjson_url: (await previous.only()).mosaicjson_url,
    maxzoom: params.maxzoom,
    cog_count: await results.convert_to_cogs.count(),
  }))
  .finalize(result, async ({ params, job, results, stages, failures }) => {
    const scheme = await results.generate_tiling_scheme.only();
    const extracted = await countTiles(results.extract_tiles);
    const failed = await failures('convert_to_cogs', mostFailures);
    const tiles = {
      total: extracted.full,
      failures: failed.map((failure) => failedTile(cogName(params, scheme.tier, failure.key), failure)),
    };
    const stac = await results.create_stac.only();
    return {
      job_id: job.id,
      source_blob: params.blob_name,
      source_container: params.container_name,
      tiling: {
        scheme_blob: scheme.scheme_blob,
        scheme_container: scheme.scheme_container,
        tile_count: scheme.tile_count,
        tile_size: scheme.tiling.tile_size,
        grid_dimensions: scheme.grid_dimensions,
        empty_tiles_skipped: extracted.empty,
      },
      validation: {
        warnings: scheme.warnings,
        raster_type: scheme.detected_type,
        confidence: scheme.confidence,
        source_crs: scheme.source_crs,
        bit_depth_efficient: scheme.bit_depth_efficient,
      },
      extraction: { processing_time_seconds: secondsOf(stages, 'extract_tiles'), tiles_extracted: extracted.full },
      cogs: await cogsSummary(results.convert_to_cogs, tiles),
      mosaicjson: mosaicSummary(await results.create_mosaicjson.only()),
      stac: stacSummary(stac),
      ...mosaicLinks(stac),
    };
  });

/** What the ids of the tiles begin with, and the mosaic's name: the client's, else one that only this source has. */
function nameOf(params: Parameters): string {
  const { stac_item_id, item_id, collection_id, container_name: container, blob_name, subdataset } = params;
  const name = `${stemOf({ blobName: blob_name, subdataset })}${blob_name.slice(blob_name.lastIndexOf('.'))}`;
  return stac_item_id ?? item_id ?? derivedItemId(collection_id, { container, name });
}

/** The STAC collection the tiles lie in: their own, unless the client names one that other rasters may lie in too. */
function stacIdOf(params: Parameters): string {
  const { stac_item_id, item_id, collection_id } = params;
  return stac_item_id ?? item_id ?? (collection_id === sharedCollection ? nameOf(params) : collection_id);
}

function descriptionOf(params: Parameters): string {
  const isOwn = stacIdOf(params) === nameOf(params);
  return isOwn ? `Tiles of ${params.container_name}/${params.blob_name}` : `Rasters of ${params.collection_id}`;
}

function mosaicOf(params: Parameters): BlobRef {
  return { container: mosaicContainer, name: `${inFolder(params.output_folder)}${nameOf(params)}.json` };
}

function schemeOf({ blob_name: blobName, subdataset, output_folder: folder }: Parameters): BlobRef {
  return { container: tilesContainer, name: schemeBlobName({ blobName, subdataset, folder }) };
}

async function countTiles(batches: StageResults<ExtractTilesOutput>): Promise<{ full: number; empty: number }> {
  let [full, empty] = [0, 0];
  for await (const { output } of batches) {
    full += output.tiles.length;
    empty += output.empty_tiles;
  }
  return { full, empty };
}

/** From the stage's beginning to its end. */
function secondsOf(stages: readonly StageRecord[], name: string): number {
  const stage = stages.find((one) => one.name === name);
  return stage?.completedAt ? (stage.completedAt.getTime() - stage.startedAt.getTime()) / 1000 : 0;
}

async function checkResources(params: Parameters, services: Services): Promise<void> {
  checkOutputName(params);
  await requireBlob(services, params.container_name, params.blob_name);
  await requireTargetCrs(services, params.target_crs);
  if (params.input_crs !== null) await requireMapCrs(services.gdal, params.input_crs);
  await checkOverwriting(params, services);
}

/** The stages look again, each just before it writes: another job may have begun since. */
async function checkOverwriting(params: Parameters, services: Services): Promise<void> {
  const owner = rasterOwner(params);
  for (const ref of [schemeOf(params), mosaicOf(params)]) await requireOwnBlob(services.blobs, ref, owner);
  const source = { container: params.container_name, name: params.blob_name };
  await requireOwnItems(services, { stacId: stacIdOf(params), itemName: nameOf(params), source });
}

/** Found out now, not after the work. */
function checkOutputName(params: Parameters): void {
  const longest = cogName(params, 'visualization', 'tile_99999_99999');
  if (longest.length <= mostNameCharacters) return;
  const message = `the COGs' names would have ${longest.length} characters, more than the ${mostNameCharacters} of blob storage`;
  throw new CoreMachineError('INVALID_PARAMETERS', message, { details: [{ path: 'output_folder', message }] });
}

function cogName({ blob_name, subdataset, output_folder }: Parameters, tier: string, tileId: string): string {
  return tileCogBlobName({ blobName: blob_name, subdataset, folder: output_folder, tier, tileId });
}

function sourceOf({ container_name, blob_name, subdataset }: Parameters) {
  return { container_name, blob_name, subdataset };
}

function schemeInput(params: Parameters) {
  const { input_crs, raster_type, strict_mode, output_tier, target_crs, jpeg_quality, tile_size, overlap } = params;
  return {
    ...sourceOf(params),
    ...{ input_crs, raster_type, strict_mode, output_tier, target_crs, jpeg_quality, tile_size, overlap },
    scheme_container: schemeOf(params).container,
    scheme_blob: schemeOf(params).name,
    owner: rasterOwner(params),
  };
}

function* batches(params: Parameters, scheme: GenerateTilingSchemeOutput, job: JobInfo) {
  const { batch_size, tile_count, tiling, source_access } = scheme;
  for (let first = 0; first < tile_count; first += batch_size) {
    const end = Math.min(first + batch_size, tile_count);
    const windows_folder = source_access === 'prepared' ? windows.folder({ jobId: job.id, run: job.run }) : null;
    const input = { ...cogFacts(params, scheme), tiling, source_access, first, end, windows_folder };
    yield { key: `tiles-${first}`, input };
  }
}

function cogFacts(params: Parameters, { source_crs, crs_override, raster_type, tier }: GenerateTilingSchemeOutput) {
  const { target_crs, jpeg_quality } = params;
  return { ...sourceOf(params), source_crs, crs_override, target_crs, raster_type, tier, jpeg_quality };
}

function cogTask(params: Parameters, scheme: GenerateTilingSchemeOutput, number: number, folder: string | null) {
  const tile = tileAt(cutOf(scheme.tiling), number);
  const input = {
    ...cogFacts(params, scheme),
    // A copy of a large source for each tile would be most of the work.
    in_memory: scheme.tile_count === 1 ? null : false,
    output_blob: cogName(params, scheme.tier, tile.id),
    describe: true,
    ...(folder === null
      ? { tile: tileWindowOf(scheme.tiling, tile) }
      : { window: { container_name: tilesContainer, blob_name: windowBlobName(folder, tile.id) } }),
  };
  return { key: tile.id, input };
}
