import { z } from 'zod';
import { titilerUrls } from '../links/schemas.ts';
import { createStacCollectionOutput } from '../stac/collection-schemas.ts';

const failedTile = z.object({ blob_name: z.string(), code: z.string(), message: z.string() });

/** What the results about many COGs have in common, as results.ts makes it. */
export const mosaicResults = z.object({
  cogs: z.object({
    total_count: z.int(),
    successful: z.int(),
    failed: z.int(),
    total_size_mb: z.number(),
    failed_tiles: z.array(failedTile),
  }),
  mosaicjson: z
    .object({
      blob_path: z.string(),
      container: z.string(),
      url: z.string(),
      bounds: z.array(z.number()),
      tile_count: z.int(),
      minzoom: z.int(),
      maxzoom: z.int(),
    })
    .nullable(),
  stac: createStacCollectionOutput
    .pick({
      collection_id: true,
      stac_id: true,
      pgstac_id: true,
      search_id: true,
      search: true,
      items_created: true,
      items_removed: true,
      spatial_extent: true,
      inserted_to_pgstac: true,
      ready_for_titiler: true,
    })
    .nullable(),
  share_url: z.string().nullable(),
  titiler_urls: titilerUrls.nullable(),
});
