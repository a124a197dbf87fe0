import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler } from '../../core/handler.ts';
import { validateRasterInput, validateRasterOutput } from './schemas.ts';
import { inspectRaster } from './validate-raster.ts';

const problem = z.object({
  code: z.string(),
  message: z.string(),
  details: z
    .array(z.object({ path: z.string().optional(), code: z.string().optional(), message: z.string() }))
    .optional(),
});

/** The same inspection as a report: a file that fails it is an answer, not a failed task. */
export const validateRasterReport = defineHandler('validate_raster', {
  description: 'Opens the raster and reports what it is, or why it cannot become a COG.',
  input: validateRasterInput,
  output: z.discriminatedUnion('valid', [
    validateRasterOutput.extend({ errors: z.array(problem) }),
    z.object({
      valid: z.literal(false),
      source_blob: z.string(),
      source_container: z.string(),
      errors: z.array(problem),
    }),
  ]),
  async run(input, context) {
    try {
      return { ...(await inspectRaster(input, context)), errors: [] };
    } catch (error) {
      // What trying again can help is left to the engine.
      if (!(error instanceof CoreMachineError) || error.retryable || context.signal.aborted) throw error;
      const { code, message, details } = error.toRecord();
      const shown = details?.map((detail) => ({ ...detail }));
      const errors = [{ code, message, ...(shown && { details: shown }) }];
      return { valid: false as const, source_blob: input.blob_name, source_container: input.container_name, errors };
    }
  },
});
