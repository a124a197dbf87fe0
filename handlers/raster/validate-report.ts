import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler } from '../../core/handler.ts';
import { validateRasterInput, validateRasterOutput } from './schemas.ts';
import { inspectRaster, strictFailure } from './validate-raster.ts';

const problem = z.object({
  code: z.string(),
  message: z.string(),
  details: z
    .array(z.object({ path: z.string().optional(), code: z.string().optional(), message: z.string() }))
    .optional(),
});
const errors = z.array(problem);

/** All there is to say, also when strict mode is not content with it. */
const full = validateRasterOutput.extend({ valid: z.boolean(), errors });
/** Of a raster that could not be looked at. */
const failed = z.object({ valid: z.literal(false), source_blob: z.string(), source_container: z.string(), errors });

/** The same inspection as a report: a file that fails it is an answer, not a failed task. */
export const validateRasterReport = defineHandler('validate_raster', {
  description: 'Opens the raster and reports what it is, or why it cannot become a COG.',
  input: validateRasterInput,
  output: z.union([full, failed]),
  async run(input, context) {
    try {
      const found = await inspectRaster(input, context);
      const failure = strictFailure(input, found);
      return { ...found, valid: failure === null, errors: failure ? [problemOf(failure)] : [] };
    } catch (error) {
      // What trying again can help is left to the engine.
      if (!(error instanceof CoreMachineError) || error.retryable || context.signal.aborted) throw error;
      const { blob_name: source_blob, container_name: source_container } = input;
      return { valid: false as const, source_blob, source_container, errors: [problemOf(error)] };
    }
  },
});

function problemOf(error: CoreMachineError): z.input<typeof problem> {
  const { code, message, details } = error.toRecord();
  return { code, message, ...(details && { details: details.map((detail) => ({ ...detail })) }) };
}
