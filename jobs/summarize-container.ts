import { defineJob } from '../core/job.ts';
import { analyzeContainer } from '../handlers/containers/analyze-container.ts';
import { inventoryParameters, requireContainer } from '../handlers/containers/parameters.ts';
import { inventoryAsked } from '../handlers/containers/result-schemas.ts';

const result = inventoryAsked.extend(analyzeContainer.output.shape);

/** A container in one task, from its listing alone. */
export const summarizeContainer = defineJob('summarize_container', {
  description: 'Counts, sizes, kinds and dates of the blobs of a container of any size.',
  parameters: inventoryParameters,
  checkResources: ({ container_name }, services) => requireContainer(services, container_name),
})
  .stage('analyze_container', analyzeContainer, ({ params }) => [{ key: 'container', input: { ...params } }])
  .finalize(result, async ({ params, results }) => ({
    container_name: params.container_name,
    file_limit: params.file_limit,
    filter: { ...params.filter },
    ...(await results.analyze_container.only()),
  }));
