import { z } from 'zod';
import { defineJob } from '../core/job.ts';
import { analyzeSingleBlob } from '../handlers/containers/analyze-single-blob.ts';
import { blobTasks, listBlobs } from '../handlers/containers/list-blobs.ts';
import { inventoryParameters, requireContainer } from '../handlers/containers/parameters.ts';
import { errorsSample, inventoryAsked, namedFile } from '../handlers/containers/result-schemas.ts';
import { inGb, inMb, successRate } from '../handlers/containers/sizes.ts';
import { FileTally } from '../handlers/containers/tally.ts';

const result = inventoryAsked.extend({
  summary: z.object({
    total_blobs_found: z.int(),
    blobs_analyzed: z.int(),
    successful_analyses: z.int(),
    failed_analyses: z.int(),
    success_rate: z.string(),
    total_size_bytes: z.int(),
    total_size_gb: z.number(),
    total_size_mb: z.number(),
    file_types: z.record(z.string(), z.int()),
    unique_extensions: z.int(),
    largest_file: namedFile.nullable(),
    errors_sample: errorsSample,
  }),
});

/** Every blob of a container looked at by a task of its own. */
export const listContainerContents = defineJob('list_container_contents', {
  description: 'Lists a container and looks at each blob in a task of its own: sizes, kinds, the largest.',
  aliases: ['list_container'],
  parameters: inventoryParameters,
  checkResources: ({ container_name }, services) => requireContainer(services, container_name),
})
  .stage('list_blobs', listBlobs, ({ params }) => [{ key: 'list', input: { ...params } }])
  .fanOut(
    'analyze_blobs',
    analyzeSingleBlob,
    async function* ({ params, previous, services }) {
      yield* blobTasks(services.blobs, params, await previous.only());
    },
    { onFailure: 'continue' },
  )
  .finalize(result, async ({ params, results, stages, failures }) => {
    const { total_blobs_found } = await results.list_blobs.only();
    const tally = new FileTally();
    for await (const { output } of results.analyze_blobs) {
      tally.add({ name: output.blob_name, sizeBytes: output.size_bytes });
    }
    const failed = stages.find(({ name }) => name === 'analyze_blobs')?.counts.failed ?? 0;
    const errors = failed > 0 ? await failures('analyze_blobs', 5) : [];
    return {
      container_name: params.container_name,
      file_limit: params.file_limit,
      filter: { ...params.filter },
      summary: {
        total_blobs_found,
        blobs_analyzed: tally.count + failed,
        successful_analyses: tally.count,
        failed_analyses: failed,
        success_rate: successRate(tally.count, tally.count + failed),
        total_size_bytes: tally.bytes,
        total_size_gb: inGb(tally.bytes),
        total_size_mb: inMb(tally.bytes),
        file_types: tally.byExtension(({ count }) => count),
        unique_extensions: tally.uniqueExtensions,
        largest_file: tally.largestFile,
        errors_sample: errors.map(({ key, error }) => ({ task: key, code: error.code, message: error.message })),
      },
    };
  });
