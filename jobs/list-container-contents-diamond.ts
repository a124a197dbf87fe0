import { defineJob } from '../core/job.ts';
import { aggregateResults } from '../handlers/containers/aggregate-results.ts';
import { analyzeSingleBlob } from '../handlers/containers/analyze-single-blob.ts';
import { blobTasks, listBlobs } from '../handlers/containers/list-blobs.ts';
import { inventoryParameters, requireContainer } from '../handlers/containers/parameters.ts';
import { inventoryAsked } from '../handlers/containers/result-schemas.ts';

const result = inventoryAsked.extend({ summary: aggregateResults.output });

/** The shape one, many, one: the summary is made by a task and not by `finalize`. */
export const listContainerContentsDiamond = defineJob('list_container_contents_diamond', {
  description: 'Lists a container, looks at each blob in a task of its own, and adds up all of them in a last task.',
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
  .fanIn('aggregate_results', aggregateResults, async ({ results }) => ({
    total_files: (await results.list_blobs.only()).total_blobs_found,
  }))
  .finalize(result, async ({ params, results }) => ({
    container_name: params.container_name,
    file_limit: params.file_limit,
    filter: { ...params.filter },
    summary: await results.aggregate_results.only(),
  }));
