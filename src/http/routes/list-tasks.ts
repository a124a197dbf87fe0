import { z } from 'zod';
import { taskStatuses } from '../../../core/states.ts';
import { cursorParameter, encodeCursor, largestInteger, limitParameter } from '../cursor.ts';
import { taskView } from '../job-views.ts';
import { defineRoute } from '../route.ts';
import { findJob, jobIdParameter, keyParameter } from './job-id.ts';

const position = z.object({ stage: z.int(), task: z.int() });

export const listTasks = defineRoute({
  name: 'list_tasks',
  method: 'GET',
  path: 'jobs/{job_id}/tasks',
  auth: 'function',
  summary: 'The tasks of a run of a job, in order: the current one, or an earlier one.',
  pathParameters: jobIdParameter,
  query: keyParameter.extend({
    run: z.coerce.number().int().min(1).max(largestInteger).optional(),
    status: z.enum(taskStatuses).optional(),
    stage: z.coerce.number().int().min(1).max(largestInteger).optional(),
    limit: limitParameter,
    cursor: cursorParameter(position).optional(),
  }),
  errors: ['INVALID_ID', 'INVALID_PARAMETERS', 'JOB_NOT_FOUND'],
  async answer(app, { path, query }) {
    const job = await findJob(app, path.job_id);
    const run = query.run ?? job.run;
    const tasks = await app.machine.engine.store.listTasks(job.jobId, run, {
      limit: query.limit,
      ...(query.status && { status: query.status }),
      ...(query.stage && { stage: query.stage }),
      ...(query.cursor && { after: query.cursor }),
    });
    const last = tasks.length === query.limit ? tasks.at(-1) : undefined;
    const next = last ? encodeCursor({ stage: last.stage, task: last.task }) : null;
    const body = {
      job_id: job.jobId,
      run,
      tasks: tasks.map(taskView),
      count: tasks.length,
      next_cursor: next,
    };
    return { status: 200, body };
  },
});
