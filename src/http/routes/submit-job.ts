import { z } from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import type { SubmitAnswer } from '../../../core/machine/submit.ts';
import { isActive } from '../../../core/states.ts';
import type { App } from '../../app.ts';
import { defineRoute, type Route, type RouteAnswer, type RouteRequest } from '../route.ts';

const pathParameters = z.object({ job_type: z.string().min(1).max(100).describe('A job type or one of its aliases.') });
const query = z.object({
  force: z.enum(['true', 'false']).default('false').describe('Run again a job that has ended, however it ended.'),
  code: z.string().optional().describe('Function key.'),
});

const shared = {
  method: 'POST',
  auth: 'function',
  pathParameters,
  query,
  body: "The job type's parameters, see GET jobs/types.",
  showsResult: true,
  errors: [
    'BAD_JSON',
    'INVALID_PARAMETERS',
    'UNKNOWN_JOB_TYPE',
    'PARAMETERS_TOO_LARGE',
    'CONTAINER_NOT_FOUND',
    'FILE_NOT_FOUND',
    'TABLE_NOT_FOUND',
    'RASTER_TOO_LARGE',
    'CRS_INVALID',
    'LAND_INVALID',
    'TABLE_EXISTS',
    'OUTPUT_TAKEN',
    'JOB_ACTIVE',
    'BODY_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'STORAGE_DENIED',
    'STORAGE_UNAVAILABLE',
  ],
} as const satisfies Partial<Route>;

export const submitJob = defineRoute({
  ...shared,
  name: 'submit_job',
  path: 'jobs/submit/{job_type}',
  summary: 'Submit a job. The same parameters again give the same job.',
  answer,
});

export const submitJobShort = defineRoute({
  ...shared,
  name: 'submit_job_short',
  path: 'jobs/{job_type}',
  summary: 'The same as jobs/submit/{job_type}.',
  answer,
});

async function answer(
  app: App,
  request: RouteRequest<z.output<typeof pathParameters>, z.output<typeof query>>,
): Promise<RouteAnswer> {
  // The type is looked up before the body is read: a wrong name is the more useful of two errors.
  app.machine.engine.registry.get(request.path.job_type);
  const submitted = await app.machine.submit({
    jobType: request.path.job_type,
    body: await request.json(),
    force: request.query.force === 'true',
    correlationId: request.requestId,
  });
  const { jobId, run } = submitted.job;
  return { status: 200, body: view(submitted, app.jobQueueName), job: { jobId, run } };
}

function view({ job, created, queued, messageId }: SubmitAnswer, queueName: string): JsonObject {
  const { word, message } = describe(job.status, created, queued);
  return {
    job_id: job.jobId,
    status: word,
    job_type: job.jobType,
    message,
    parameters: job.parameters,
    queue_info: { queued, queue_type: 'service_bus', queue_name: queueName, message_id: messageId, job_id: job.jobId },
    idempotent: !created,
    run: job.run,
    ...(!created && isActive(job.status) && { stage: job.stage }),
    ...(!created && job.result && { result_data: job.result }),
  };
}

function describe(status: string, created: boolean, queued: boolean): { word: string; message: string } {
  if (created && queued) return { word: 'created', message: 'The job is stored and queued.' };
  if (created) return { word: 'created', message: 'The job is stored; its message will be sent within a minute.' };
  if (status === 'queued' || status === 'processing') {
    return { word: status, message: `The same job is already ${status}.` };
  }
  return { word: 'already_completed', message: 'The same job has already completed; this is its result.' };
}
