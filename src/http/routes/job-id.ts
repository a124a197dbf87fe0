import { z } from 'zod';
import { CoreMachineError } from '../../../core/errors.ts';
import { jobIdPattern } from '../../../core/ids.ts';
import type { JobRecord } from '../../../core/ports/state-store.ts';
import type { App } from '../../app.ts';

export const jobIdParameter = z.object({
  job_id: z.string().toLowerCase().regex(jobIdPattern).describe('64 hexadecimal digits.'),
});
/** Azure accepts the function key in the query. */
export const keyParameter = z.object({ code: z.string().optional().describe('Function key.') });

/** Throws JOB_NOT_FOUND. */
export async function findJob(app: App, jobId: string): Promise<JobRecord> {
  const job = await app.machine.engine.store.getJob(jobId);
  if (!job) throw new CoreMachineError('JOB_NOT_FOUND', 'there is no job with this id');
  return job;
}
