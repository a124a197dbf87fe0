import { z } from 'zod';
import { defineHandler } from '../../core/handler.ts';

export const helloWorldReply = defineHandler('hello_world_reply', {
  description: 'Answers the greeting of its partner in the stage before.',
  input: z.object({ task_index: z.int(), greeting: z.string() }),
  output: z.object({ reply: z.string(), task_index: z.int(), replies_to: z.string() }),
  async run({ task_index, greeting }) {
    return { reply: `Hello back from task ${task_index}`, task_index, replies_to: greeting };
  },
});
