import { z } from 'zod';
import { defineJob } from '../core/job.ts';
import { blobName, containerName } from '../handlers/parameters/sources.ts';
import { requireBlob } from '../handlers/raster/parameters.ts';
import { extractStacMetadata } from '../handlers/stac/extract-stac-metadata.ts';
import { collectionId, itemId } from '../handlers/stac/parameters.ts';
import { extractStacMetadataOutput } from '../handlers/stac/schemas.ts';

/** Catalogues a raster as it is, where it is. */
export const stacCatalogRaster = defineJob('stac_catalog_raster', {
  description: 'One raster of any kind to a STAC item, without converting it.',
  aliases: ['catalog_file'],
  parameters: z.object({
    container_name: containerName,
    blob_name: blobName.describe('The raster; it must be georeferenced.'),
    collection_id: collectionId,
    item_id: itemId,
  }),
  async checkResources({ container_name, blob_name }, services) {
    await requireBlob(services, container_name, blob_name);
  },
})
  .stage('extract_stac_metadata', extractStacMetadata, ({ params }) => [{ key: 'raster', input: { ...params } }])
  .finalize(extractStacMetadataOutput, async ({ results }) => results.extract_stac_metadata.only());
