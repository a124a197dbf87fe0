import type { TaskFailure } from '../../core/job.ts';
import { jsonBytes } from '../../core/json.ts';
import type { StageResults } from '../../core/results.ts';
import type { CreateCogOutput } from '../raster/schemas.ts';
import type { CreateStacCollectionOutput } from '../stac/collection-schemas.ts';
import type { CreateMosaicJsonOutput } from './schemas.ts';

/** Failed tiles named in a result, and the bytes they may take of it. */
export const mostFailures = 1_000;
const failureBytes = 400_000;
const messageCharacters = 500;

export interface FailedTile {
  readonly blob_name: string;
  readonly code: string;
  readonly message: string;
}

export function failedTile(blobName: string, { error }: TaskFailure): FailedTile {
  return { blob_name: blobName, code: error.code, message: error.message.slice(0, messageCharacters) };
}

/** The part `cogs` of a result. `failed` counts all; the list ends where it would make the result too large. */
export async function cogsSummary(
  cogs: StageResults<CreateCogOutput>,
  tiles: { readonly total: number; readonly failures: readonly FailedTile[] },
) {
  let successful = 0;
  let megabytes = 0;
  for await (const { output } of cogs) {
    successful += 1;
    megabytes += output.size_mb;
  }
  let bytes = 0;
  const failed_tiles = tiles.failures.filter((failure) => {
    bytes += jsonBytes({ ...failure });
    return bytes <= failureBytes;
  });
  return {
    total_count: tiles.total,
    successful,
    failed: tiles.total - successful,
    total_size_mb: Math.round(megabytes * 100) / 100,
    failed_tiles: failed_tiles.map((tile) => ({ ...tile })),
  };
}

/** The part `mosaicjson`; null when none was made. */
export function mosaicSummary(mosaic: CreateMosaicJsonOutput | undefined) {
  if (!mosaic) return null;
  const { mosaicjson_blob, mosaicjson_container, mosaicjson_url, bounds, tile_count, minzoom, maxzoom } = mosaic;
  return {
    blob_path: mosaicjson_blob,
    container: mosaicjson_container,
    url: mosaicjson_url,
    bounds,
    tile_count,
    minzoom,
    maxzoom,
  };
}

/** The part `stac`; null when none was made. */
export function stacSummary(stac: CreateStacCollectionOutput | undefined) {
  if (!stac) return null;
  const { collection_id, stac_id, pgstac_id, search_id, search, items_created, items_removed, spatial_extent } = stac;
  const { inserted_to_pgstac, ready_for_titiler } = stac;
  return {
    ...{ collection_id, stac_id, pgstac_id, search_id, search, items_created, items_removed, spatial_extent },
    ...{ inserted_to_pgstac, ready_for_titiler },
  };
}

/** Links to all tiles as one map; null without a collection in the catalogue. */
export function mosaicLinks(stac: CreateStacCollectionOutput | undefined) {
  return { share_url: stac?.share_url ?? null, titiler_urls: stac?.titiler_urls ?? null };
}
