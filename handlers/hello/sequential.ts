import { z } from 'zod';
import { defineHandler } from '../../core/handler.ts';

export const initialHello = defineHandler('initial_hello', {
  description: 'Says the first hello and gives its task id, to be answered in stage 3.',
  input: z.object({ hello_number: z.int(), base: z.string() }),
  output: z.object({
    hello_number: z.int(),
    message: z.string(),
    task_id: z.string(),
    processing_time_seconds: z.number(),
  }),
  async run({ hello_number, base }, { task }) {
    const started = performance.now();
    const message = `Task ${task.id} says: ${base} - Initial Hello ${hello_number}`;
    const processing_time_seconds = (performance.now() - started) / 1000;
    return { hello_number, message, task_id: task.id, processing_time_seconds };
  },
});

const partner = z.object({
  responds_to_task_id: z.string(),
  original_hello_number: z.int(),
  original_message: z.string(),
});

export const validateHellos = defineHandler('validate_hellos', {
  description: 'Counts the hellos of stage 1 and maps each answer of stage 3 to its partner.',
  input: z.object({
    expected: z.int(),
    hellos: z.array(z.object({ hello_number: z.int(), message: z.string(), task_id: z.string() })),
  }),
  output: z.object({
    validation_summary: z.object({
      stage1_tasks_total: z.int(),
      stage1_tasks_successful: z.int(),
      stage1_tasks_failed: z.int(),
      ready_for_stage3: z.boolean(),
    }),
    stage3_task_mapping: z.record(z.string(), partner),
  }),
  async run({ expected, hellos }) {
    const mapping = hellos.map(({ hello_number, message, task_id }) => [
      String(hello_number),
      { responds_to_task_id: task_id, original_hello_number: hello_number, original_message: message },
    ]);
    return {
      validation_summary: {
        stage1_tasks_total: expected,
        stage1_tasks_successful: hellos.length,
        stage1_tasks_failed: expected - hellos.length,
        ready_for_stage3: hellos.length === expected,
      },
      stage3_task_mapping: Object.fromEntries(mapping),
    };
  },
});

export const respondToHello = defineHandler('respond_to_hello', {
  description: 'Answers one hello of stage 1.',
  input: partner,
  output: z.object({
    response_number: z.int(),
    current_task_id: z.string(),
    responds_to_task_id: z.string(),
    response_message: z.string(),
    original_hello_number: z.int(),
    conversation: z.object({ stage1_said: z.string(), stage3_responds: z.string() }),
  }),
  async run(input, { task }) {
    const response_message = `Task ${task.id} saying hello to ${input.responds_to_task_id}`;
    return {
      response_number: input.original_hello_number,
      current_task_id: task.id,
      responds_to_task_id: input.responds_to_task_id,
      response_message,
      original_hello_number: input.original_hello_number,
      conversation: { stage1_said: input.original_message, stage3_responds: response_message },
    };
  },
});
