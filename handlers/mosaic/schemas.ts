import { z } from 'zod';

/** COGs named in a result; all of them stand in the document. */
export const mostCogBlobs = 1_000;

export const createMosaicJsonInput = z.object({
  /** Where the document goes. */
  container_name: z.string(),
  blob_name: z.string(),
  /** Whose document it is: that of another owner is not replaced. */
  owner: z.string(),
  /** Of the mosaic, for people. */
  name: z.string(),
  /** null: from the data's resolution. */
  maxzoom: z.int().min(0).max(24).nullable(),
  /** How many COGs the stage before made, so that a retried run with more of them makes the mosaic anew. */
  cog_count: z.int(),
});
export type CreateMosaicJsonInput = z.output<typeof createMosaicJsonInput>;

export const createMosaicJsonOutput = z.object({
  mosaicjson_blob: z.string(),
  mosaicjson_container: z.string(),
  /** https, without credentials. */
  mosaicjson_url: z.string(),
  tile_count: z.int(),
  /** [west, south, east, north] in degrees; a mosaic over the antimeridian goes round the globe. */
  bounds: z.array(z.number()),
  /** [longitude, latitude, zoom]. */
  center: z.array(z.number()),
  minzoom: z.int(),
  maxzoom: z.int(),
  quadkey_count: z.int(),
  quadkey_zoom: z.int(),
  cog_blobs: z
    .array(z.string())
    .describe(`The first ${mostCogBlobs}, fewer where their names are very long; the document has all.`),
  cog_container: z.string(),
});
export type CreateMosaicJsonOutput = z.output<typeof createMosaicJsonOutput>;
