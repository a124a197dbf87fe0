import { z } from 'zod';
import type { PlannedTask } from '../core/job.ts';
import { defineJob } from '../core/job.ts';
import type { Services } from '../core/services.ts';
import { blobFilter } from '../handlers/containers/filter.ts';
import { blobTasks, type ListBlobsOutput, listBlobs } from '../handlers/containers/list-blobs.ts';
import { inventoryParameters, requireContainer } from '../handlers/containers/parameters.ts';
import { errorsSample } from '../handlers/containers/result-schemas.ts';
import { successRate } from '../handlers/containers/sizes.ts';
import { extractStacMetadata } from '../handlers/stac/extract-stac-metadata.ts';
import { collectionId } from '../handlers/stac/parameters.ts';
import type { extractStacMetadataInput } from '../handlers/stac/schemas.ts';

const parameters = inventoryParameters.omit({ filter: true }).extend({
  collection_id: collectionId,
  extension_filter: z
    .string()
    .trim()
    .regex(/^\.?[\p{L}\p{N}_+~-]{1,16}$/u, 'must be like .tif')
    .default('.tif')
    .describe('Names that end so; case does not matter.'),
  prefix: z.string().max(1024).nullable().default(null).describe('Names that begin so; null: all.'),
});

type Parameters = z.output<typeof parameters>;

const result = z.object({
  collection_id: z.string(),
  container_name: z.string(),
  extension_filter: z.string(),
  prefix: z.string().nullable(),
  summary: z.object({
    total_files_found: z.int(),
    files_processed: z.int(),
    successful_insertions: z.int(),
    failed_insertions: z.int(),
    success_rate: z.string(),
    errors_sample: errorsSample,
  }),
});

/** Catalogues all rasters of a container as they are, where they are. */
export const stacCatalogContainer = defineJob('stac_catalog_container', {
  description: 'Every raster of a container to a STAC item, without converting it',
  aliases: ['sync_container'],
  parameters,
  checkResources: ({ container_name }, services) => requireContainer(services, container_name),
})
  .stage('list_rasters', listBlobs, ({ params }) => [{ key: 'list', input: listing(params) }])
  .fanOut(
    'extract_stac',
    extractStacMetadata,
    async function* ({ params, previous, services }) {
      yield* rasterTasks(params, await previous.only(), services);
    },
    { onFailure: 'continue' },
  )
  .finalize(result, async ({ params, results, stages, failures }) => {
    const { total_blobs_found } = await results.list_rasters.only();
    const counts = stages.find(({ name }) => name === 'extract_stac')?.counts;
    const { completed = 0, failed = 0 } = counts ?? {};
    const errors = failed > 0 ? await failures('extract_stac', 5) : [];
    return {
      collection_id: params.collection_id,
      container_name: params.container_name,
      extension_filter: params.extension_filter,
      prefix: params.prefix,
      summary: {
        total_files_found: total_blobs_found,
        files_processed: completed + failed,
        successful_insertions: completed,
        failed_insertions: failed,
        success_rate: successRate(completed, completed + failed),
        errors_sample: errors.map(({ key, error }) => ({ task: key, code: error.code, message: error.message })),
      },
    };
  });

function listing({ container_name, file_limit, extension_filter, prefix }: Parameters) {
  const filter = blobFilter.parse({ extensions: [extension_filter], ...(prefix !== null && { prefix }) });
  return { container_name, file_limit, filter };
}

/** The names are streamed from the container, as for the inventories: no result could hold them. */
async function* rasterTasks(
  params: Parameters,
  found: ListBlobsOutput,
  { blobs }: Services,
): AsyncGenerator<PlannedTask<z.input<typeof extractStacMetadataInput>>> {
  const { collection_id } = params;
  for await (const { key, input } of blobTasks(blobs, listing(params), found)) {
    yield { key, input: { ...input, collection_id } };
  }
}
