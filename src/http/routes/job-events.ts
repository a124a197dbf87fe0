import { z } from 'zod';
import { cursorParameter, encodeCursor, largestInteger, limitParameter } from '../cursor.ts';
import { defineRoute } from '../route.ts';
import { findJob, jobIdParameter, keyParameter } from './job-id.ts';

export const jobEvents = defineRoute({
  name: 'job_events',
  method: 'GET',
  path: 'jobs/{job_id}/events',
  auth: 'function',
  summary: 'What happened to a job, in order: all of its runs, or one.',
  pathParameters: jobIdParameter,
  query: keyParameter.extend({
    run: z.coerce.number().int().min(1).max(largestInteger).optional(),
    limit: limitParameter,
    cursor: cursorParameter(z.object({ id: z.int() })).optional(),
  }),
  errors: ['INVALID_ID', 'INVALID_PARAMETERS', 'JOB_NOT_FOUND'],
  async answer(app, { path, query }) {
    const job = await findJob(app, path.job_id);
    const events = await app.machine.engine.store.listEvents(job.jobId, {
      limit: query.limit,
      ...(query.run && { run: query.run }),
      ...(query.cursor && { after: query.cursor.id }),
    });
    const last = events.length === query.limit ? events.at(-1) : undefined;
    const body = {
      job_id: job.jobId,
      events: events.map(({ id: _id, at, ...event }) => ({ at: at.toISOString(), ...event })),
      count: events.length,
      next_cursor: last ? encodeCursor({ id: last.id }) : null,
    };
    return { status: 200, body };
  },
});
