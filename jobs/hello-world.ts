import { z } from 'zod';
import { defineJob } from '../core/job.ts';
import { helloWorldGreeting } from '../handlers/hello/greeting.ts';
import { helloWorldReply } from '../handlers/hello/reply.ts';

const result = z.object({ status: z.literal('completed'), message_echoed: z.string() });

/** Two stages of n tasks: the smallest job that shows fan-out, retries and the order of results. */
export const helloWorld = defineJob('hello_world', {
  description: 'n greetings, then n replies, each to its own greeting.',
  parameters: z.object({
    n: z.int().min(1).max(1000).default(3).describe('Tasks in each stage.'),
    message: z.string().default('Hello World').describe('What is said.'),
    failure_rate: z.number().min(0).max(1).default(0).describe('Probability that a greeting fails and is retried.'),
  }),
  notPartOfId: ['failure_rate'],
})
  .stage('greeting', helloWorldGreeting, ({ params }) =>
    Array.from({ length: params.n }, (_, index) => ({
      key: `greeting-${index}`,
      input: { message: params.message, task_index: index, failure_rate: params.failure_rate },
    })),
  )
  .fanOut('reply', helloWorldReply, async ({ previous }) =>
    (await previous.all()).map(({ output }) => ({
      key: `reply-${output.task_index}`,
      input: { task_index: output.task_index, greeting: output.greeting },
    })),
  )
  .finalize(result, ({ params }) => ({ status: 'completed' as const, message_echoed: params.message }));
