import { z } from 'zod';
import { defineFanInHandler } from '../../core/handler.ts';
import { analyzeSingleBlobOutput } from './analyze-single-blob.ts';
import { inMb } from './sizes.ts';
import { FileTally } from './tally.ts';

const namedFile = z.object({ name: z.string(), size_mb: z.number() }).nullable();

const output = z.object({
  total_files: z.int().describe('Blobs found.'),
  total_size_bytes: z.int(),
  total_size_mb: z.number(),
  average_size_mb: z.number(),
  by_extension: z.record(
    z.string(),
    z.object({ count: z.int(), total_size_mb: z.number(), percentage: z.number().describe('Of the files analysed.') }),
  ),
  largest_file: namedFile,
  smallest_file: namedFile,
  files_analyzed: z.int(),
  files_failed: z.int(),
  aggregation_metadata: z.object({
    results_aggregated: z.int(),
    aggregated_at: z.string(),
    processing_time_seconds: z.number(),
  }),
});

/** Adds up what the tasks of the stage before found, as their results stream in. */
export const aggregateResults = defineFanInHandler('aggregate_results', {
  description: 'One summary of all analyses of single blobs.',
  input: z.object({ total_files: z.int().describe('Blobs found, analysed or not.') }),
  output,
  previous: analyzeSingleBlobOutput,
  async run({ total_files }, previous, { signal }) {
    const started = Date.now();
    const tally = new FileTally();
    for await (const { output: blob } of previous) {
      signal.throwIfAborted();
      tally.add({ name: blob.blob_name, sizeBytes: blob.size_bytes });
    }
    return {
      total_files,
      total_size_bytes: tally.bytes,
      total_size_mb: inMb(tally.bytes),
      average_size_mb: tally.count === 0 ? 0 : inMb(tally.bytes / tally.count),
      by_extension: tally.byExtension(({ count, bytes }) => ({
        count,
        total_size_mb: inMb(bytes),
        percentage: Number(((100 * count) / tally.count).toFixed(2)),
      })),
      largest_file: tally.largestFile,
      smallest_file: tally.smallestFile,
      files_analyzed: tally.count,
      files_failed: Math.max(0, total_files - tally.count),
      aggregation_metadata: {
        results_aggregated: tally.count,
        aggregated_at: new Date().toISOString(),
        processing_time_seconds: (Date.now() - started) / 1000,
      },
    };
  },
});
