import { z } from 'zod';
import { defineRoute } from '../route.ts';
import { jobIdParameter, keyParameter } from './job-id.ts';

export const retryJob = defineRoute({
  name: 'retry_job',
  method: 'POST',
  path: 'jobs/{job_id}/retry',
  auth: 'function',
  summary: 'Run again what failed of a job that has ended; from=start: all of it.',
  pathParameters: jobIdParameter,
  query: keyParameter.extend({
    from: z.enum(['failed', 'start']).default('failed').describe('What runs again: only what failed, or all.'),
  }),
  errors: ['INVALID_ID', 'INVALID_PARAMETERS', 'UNKNOWN_JOB_TYPE', 'JOB_NOT_FOUND', 'JOB_ACTIVE', 'NOTHING_TO_RETRY'],
  async answer(app, { path, query, requestId }) {
    const options = { fromStart: query.from === 'start', correlationId: requestId };
    const { job, queued } = await app.machine.retry(path.job_id, options);
    return { status: 200, body: { job_id: job.jobId, status: job.status, run: job.run, queued }, job };
  },
});
