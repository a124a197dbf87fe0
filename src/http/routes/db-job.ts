import { CoreMachineError } from '../../../core/errors.ts';
import { defineRoute } from '../route.ts';
import { jobIdParameter, keyParameter } from './job-id.ts';

export const dbJob = defineRoute({
  name: 'db_job',
  method: 'GET',
  path: 'db/jobs/{job_id}',
  auth: 'function',
  summary: 'The stored row of a job.',
  pathParameters: jobIdParameter,
  query: keyParameter,
  showsResult: true,
  errors: ['INVALID_ID', 'JOB_NOT_FOUND'],
  async answer(app, { path }) {
    const row = await app.postgres.rawJobRow(path.job_id);
    if (!row) throw new CoreMachineError('JOB_NOT_FOUND', 'there is no job with this id');
    return { status: 200, body: row };
  },
});
