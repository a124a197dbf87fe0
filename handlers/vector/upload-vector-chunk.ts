import { join } from 'node:path/posix';
import { defineHandler } from '../../core/handler.ts';
import { uploadVectorChunkInput, uploadVectorChunkOutput } from './schemas.ts';

export const uploadVectorChunk = defineHandler('upload_vector_chunk', {
  description: 'Adds one chunk of rows to the table that is being loaded, once however often it runs.',
  input: uploadVectorChunkInput,
  output: uploadVectorChunkOutput,
  async run({ chunk, container_name, blob_name }, { job, services, signal }) {
    const { blobs, featureTables, workspace } = services;
    return workspace.use('chunk', async (folder) => {
      const file = join(folder, 'rows.copy.zst');
      await blobs.download({ container: container_name, name: blob_name }, file, { signal });
      const rows = await featureTables.addChunk({ jobId: job.id, run: job.run }, chunk, file, { signal });
      return { chunk, rows };
    });
  },
});
