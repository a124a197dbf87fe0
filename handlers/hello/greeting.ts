import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler } from '../../core/handler.ts';

export const helloWorldGreeting = defineHandler('hello_world_greeting', {
  description: 'Greets; fails on purpose with a given probability, to show retries.',
  input: z.object({ message: z.string(), task_index: z.int(), failure_rate: z.number() }),
  output: z.object({ greeting: z.string(), task_index: z.int(), timestamp: z.iso.datetime() }),
  async run(input) {
    if (Math.random() < input.failure_rate) {
      throw new CoreMachineError('SIMULATED_FAILURE', `failed on purpose (failure_rate ${input.failure_rate})`);
    }
    return {
      greeting: `${input.message} from task ${input.task_index}`,
      task_index: input.task_index,
      timestamp: new Date().toISOString(),
    };
  },
});
