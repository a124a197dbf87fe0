import { jobStatus as statusView } from '../job-views.ts';
import { defineRoute } from '../route.ts';
import { findJob, jobIdParameter, keyParameter } from './job-id.ts';

export const jobStatus = defineRoute({
  name: 'job_status',
  method: 'GET',
  path: 'jobs/status/{job_id}',
  auth: 'function',
  summary: 'State, progress and result of a job.',
  pathParameters: jobIdParameter,
  query: keyParameter,
  showsResult: true,
  errors: ['INVALID_ID', 'JOB_NOT_FOUND'],
  async answer(app, { path }) {
    const job = await findJob(app, path.job_id);
    const { store, registry } = app.machine.engine;
    const stages = await store.getStages(job.jobId, job.run);
    const definition = registry.definitions.find(({ name }) => name === job.jobType) ?? null;
    return { status: 200, body: statusView(job, stages, definition) };
  },
});
