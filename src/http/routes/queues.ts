import { z } from 'zod';
import { defineRoute } from '../route.ts';
import { keyParameter } from './job-id.ts';
import { queuesOf } from './queue-name.ts';

export const listQueues = defineRoute({
  name: 'list_queues',
  method: 'GET',
  path: 'queues',
  auth: 'function',
  summary: 'How many messages each queue holds. Needs the right to manage the namespace.',
  pathParameters: z.object({}),
  query: keyParameter,
  errors: ['QUEUE_UNAVAILABLE'],
  async answer(app) {
    const queues = await Promise.all(
      queuesOf(app.config).map(async ({ role, name }) => {
        const { active, scheduled, deadLetter, total, sizeBytes } = await app.queue.counts(role);
        return { name, role, active, scheduled, dead_letter: deadLetter, total, size_bytes: sizeBytes };
      }),
    );
    return { status: 200, body: { queues, count: queues.length } };
  },
});
