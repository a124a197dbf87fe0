import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler } from '../../core/handler.ts';
import { extensionOf } from './filter.ts';
import { inMb } from './sizes.ts';

const input = z.object({ container_name: z.string(), blob_name: z.string() });

export type AnalyzeSingleBlobInput = z.output<typeof input>;

export const analyzeSingleBlobOutput = z.object({
  blob_name: z.string(),
  blob_path: z.string().describe('Container and name.'),
  container_name: z.string(),
  size_bytes: z.int(),
  size_mb: z.number(),
  file_extension: z.string().describe('E.g. `.tif`; empty for names without one.'),
  content_type: z.string().nullable(),
  last_modified: z.string(),
  etag: z.string(),
  metadata: z.record(z.string(), z.string()),
});

/** Reads one blob's properties, not its content. Throws FILE_NOT_FOUND for one that has gone since it was listed. */
export const analyzeSingleBlob = defineHandler('analyze_single_blob', {
  description: "One blob's size, type, dates and metadata.",
  input,
  output: analyzeSingleBlobOutput,
  limits: { timeoutSeconds: 300 },
  async run({ container_name, blob_name }, { services }) {
    const found = await services.blobs.properties({ container: container_name, name: blob_name });
    if (!found) {
      const message = `there is no blob ${JSON.stringify(blob_name)} in ${JSON.stringify(container_name)} any more`;
      throw new CoreMachineError('FILE_NOT_FOUND', message);
    }
    return {
      blob_name,
      blob_path: `${container_name}/${blob_name}`,
      container_name,
      size_bytes: found.sizeBytes,
      size_mb: inMb(found.sizeBytes),
      file_extension: extensionOf(blob_name),
      content_type: found.contentType,
      last_modified: found.lastModified.toISOString(),
      etag: found.etag,
      metadata: { ...found.metadata },
    };
  },
});
