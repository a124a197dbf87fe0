import { defineRoute } from '../route.ts';
import { jobIdParameter, keyParameter } from './job-id.ts';

export const cancelJob = defineRoute({
  name: 'cancel_job',
  method: 'POST',
  path: 'jobs/{job_id}/cancel',
  auth: 'function',
  summary: 'End a job: queued tasks never start, running ones are told to stop.',
  pathParameters: jobIdParameter,
  query: keyParameter,
  errors: ['INVALID_ID', 'JOB_NOT_FOUND', 'JOB_NOT_ACTIVE'],
  async answer(app, { path }) {
    const job = await app.machine.cancel(path.job_id);
    return {
      status: 200,
      body: { job_id: job.jobId, status: job.status, run: job.run },
      job: { jobId: job.jobId, run: job.run },
    };
  },
});
