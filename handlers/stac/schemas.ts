import { z } from 'zod';
import { isObject } from '../../core/json.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { rasterTypes } from '../raster/schemas.ts';
import { itemBody } from './item-body.ts';

export const extractStacMetadataInput = z.object({
  container_name: z.string().describe('Container of the raster to catalogue.'),
  blob_name: z.string(),
  collection_id: z.string(),
  item_id: z.string().nullable().default(null).describe('null: derived from the collection and the blob.'),
  source_container: z.string().nullable().default(null).describe('What the raster was made from, if it was.'),
  source_blob: z.string().nullable().default(null),
  raster_type: z
    .enum(['auto', ...rasterTypes])
    .default('auto')
    .describe('How it is drawn; auto: told from its bands.'),
  item_body: itemBody.optional().describe('What was found out when the raster was made; absent: it is opened.'),
});

export const extractStacMetadataOutput = z.object({
  item_id: z.string(),
  collection_id: z.string(),
  blob_name: z.string(),
  bbox: z.array(z.number()).describe('[west, south, east, north]; west is greater than east over the antimeridian.'),
  inserted_to_pgstac: z.boolean().describe('The item lies in the catalogue.'),
  item_skipped: z.boolean().describe('The catalogue held this very item already, and nothing was written.'),
  stac_item: z.custom<StacItem>((value) => isObject(value) && value.type === 'Feature', 'must be a STAC item'),
});

export type ExtractStacMetadataInput = z.output<typeof extractStacMetadataInput>;
export type ExtractStacMetadataOutput = z.output<typeof extractStacMetadataOutput>;
