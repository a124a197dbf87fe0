import { z } from 'zod';
import { isObject, type JsonObject } from '../../core/json.ts';
import { titilerUrls } from '../links/schemas.ts';

const json = z.custom<JsonObject>((value) => isObject(value), 'must be an object');

export const createStacCollectionInput = z.object({
  /** What the job calls the collection. */
  collection_id: z.string(),
  stac_id: z.string(),
  /** What the ids of the items begin with; other than `stac_id` where several share the collection. */
  item_name: z.string(),
  /** The one raster that all tiles are of: items of another are not replaced. null: tiles of many. */
  source: z.object({ container: z.string(), name: z.string() }).nullable(),
  description: z.string(),
  /** null: no MosaicJSON was made. */
  mosaicjson_url: z.string().nullable(),
  /** Of the search; null: from the data's resolution. */
  maxzoom: z.int().min(0).max(24).nullable(),
  /** How many COGs there are, so that a retried run with more of them writes the collection anew. */
  cog_count: z.int(),
});
export type CreateStacCollectionInput = z.output<typeof createStacCollectionInput>;

const url = z.string().nullable();

export const createStacCollectionOutput = z.object({
  collection_id: z.string(),
  stac_id: z.string(),
  /** The id in the catalogue; the same. */
  pgstac_id: z.string(),
  /** Given by the catalogue. It is not for ever: `search` registers it again. */
  search_id: z.string(),
  search: z.object({ body: json, metadata: json }),
  tile_count: z.int(),
  items_created: z.int().describe('Items read back from the catalogue.'),
  items_failed: z.int().describe('0: a task whose items are not all in the catalogue fails.'),
  /** Items of an earlier run that this one did not make. */
  items_removed: z.int(),
  /** [west, south, east, north] in degrees. */
  spatial_extent: z.array(z.number()),
  mosaicjson_url: url,
  inserted_to_pgstac: z.boolean().describe('The items lie in the catalogue.'),
  ready_for_titiler: z.boolean().describe('The catalogue is one that titiler-pgstac reads.'),
  titiler_urls: titilerUrls,
  share_url: url,
});
export type CreateStacCollectionOutput = z.output<typeof createStacCollectionOutput>;
