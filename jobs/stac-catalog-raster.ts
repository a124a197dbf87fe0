import { z } from 'zod';
import { CoreMachineError } from '../core/errors.ts';
import { defineJob } from '../core/job.ts';
import { extractStacMetadata } from '../handlers/stac/extract-stac-metadata.ts';

/** Catalogues a raster as it is, where it is. */
export const stacCatalogRaster = defineJob('stac_catalog_raster', {
  description: 'One raster of any kind to a STAC item, without converting it.',
  aliases: ['catalog_file'],
  parameters: z.object({
    container_name: z.string().min(1).describe('Container of the raster.'),
    blob_name: z.string().trim().min(1).describe('The raster; it must be georeferenced.'),
    collection_id: z
      .string()
      .regex(/^[A-Za-z0-9._-]+$/)
      .default('system-rasters')
      .describe('STAC collection; made when it is missing.'),
    item_id: z.string().min(1).nullable().default(null).describe('null: derived from the collection and the blob.'),
  }),
  async checkResources({ container_name, blob_name }, { blobs }) {
    if (!(await blobs.containerExists(container_name))) {
      throw new CoreMachineError('CONTAINER_NOT_FOUND', `there is no container ${container_name}`);
    }
    if (!(await blobs.properties({ container: container_name, name: blob_name }))) {
      throw new CoreMachineError('FILE_NOT_FOUND', `there is no blob ${blob_name} in ${container_name}`);
    }
  },
})
  .stage('extract_stac_metadata', extractStacMetadata, ({ params }) => [{ key: 'raster', input: { ...params } }])
  .finalize(async ({ results }) => results.extract_stac_metadata.only());
