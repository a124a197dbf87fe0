import { z } from 'zod';
import { jobIdPattern } from '../../../core/ids.ts';
import { jobStatuses } from '../../../core/states.ts';
import type { App } from '../../app.ts';
import { cursorParameter, encodeCursor, limitParameter } from '../cursor.ts';
import { jobSummary } from '../job-views.ts';
import { defineRoute } from '../route.ts';
import { keyParameter } from './job-id.ts';

const position = z.object({
  created_at: z.iso.datetime().transform((text) => new Date(text)),
  job_id: z.string().regex(jobIdPattern),
});

export const listJobs = defineRoute({
  name: 'list_jobs',
  method: 'GET',
  path: 'jobs',
  auth: 'function',
  summary: 'Jobs, newest first.',
  pathParameters: z.object({}),
  query: keyParameter.extend({
    status: z.enum(jobStatuses).optional(),
    job_type: z.string().max(100).optional().describe('A job type or one of its aliases.'),
    since: z.iso.datetime({ offset: true }).optional().describe('Created at or after this time.'),
    limit: limitParameter,
    cursor: cursorParameter(position).optional(),
  }),
  errors: ['INVALID_PARAMETERS'],
  async answer(app, { query }) {
    const jobs = await app.machine.engine.store.listJobs({
      limit: query.limit,
      ...(query.status && { status: query.status }),
      ...(query.job_type && { jobType: realName(app, query.job_type) }),
      ...(query.since && { since: new Date(query.since) }),
      ...(query.cursor && { after: { createdAt: query.cursor.created_at, jobId: query.cursor.job_id } }),
    });
    const last = jobs.length === query.limit ? jobs.at(-1) : undefined;
    const next = last ? encodeCursor({ created_at: last.createdAt.toISOString(), job_id: last.jobId }) : null;
    return { status: 200, body: { jobs: jobs.map(jobSummary), count: jobs.length, next_cursor: next } };
  },
});

/** Jobs are stored under their type's real name. */
function realName({ machine }: App, given: string): string {
  return machine.engine.registry.definitions.find(({ aliases }) => aliases.includes(given))?.name ?? given;
}
