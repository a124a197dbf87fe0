import { defineHandler } from '../../core/handler.ts';
import { catalogueTable } from './catalog-item.ts';
import { createVectorStacInput, createVectorStacOutput } from './schemas.ts';

export const createVectorStac = defineHandler('create_vector_stac', {
  description: 'Indexes the loaded table, makes it visible as a whole, and catalogues it as a STAC item.',
  input: createVectorStacInput,
  output: createVectorStacOutput,
  limits: { timeoutSeconds: 2 * 3600 },
  async run(input, { job, services, signal, progress }) {
    const { featureTables } = services;
    const { target, load_method: method, rows } = input;
    const load = { jobId: job.id, run: job.run };
    // Rows that are appended come under the indexes of their table.
    const appended = method === 'append' && (await featureTables.describe(target)) !== null;
    if (!appended) {
      await featureTables.index(load, { spatial: input.spatial_index, columns: input.indexed_columns });
    }
    progress(0.6);
    signal.throwIfAborted();
    const inserted = await featureTables.publish(load, { target, method, rows });
    progress(0.8);
    const source = { container: input.source_container, name: input.source_blob };
    const [item] = await Promise.all([
      catalogueTable(services, target, { collectionId: input.collection_id, source }),
      featureTables.analyze(target),
    ]);
    return { ...item, rows_inserted: inserted };
  },
});
