import { z } from 'zod';
import { defineJob } from '../core/job.ts';
import type { StageRecord } from '../core/ports/state-store.ts';
import { initialHello, respondToHello, validateHellos } from '../handlers/hello/sequential.ts';

const result = z.object({
  sequential_hello_statistics: z.object({
    total_stages_completed: z.int(),
    stage1_hellos_requested: z.int(),
    stage1_hellos_successful: z.int(),
    stage2_validation_passed: z.boolean(),
    stage3_responses_generated: z.int(),
    overall_success_rate: z.string(),
  }),
  stage_conversations: z.array(
    z.object({
      stage1_task_id: z.string(),
      stage1_message: z.string(),
      stage3_task_id: z.string(),
      stage3_response: z.string(),
    }),
  ),
  stage_history: z.array(
    z.object({
      stage_n: z.int(),
      stage: z.string(),
      task_count: z.int(),
      status: z.string(),
      completed_at: z.iso.datetime(),
      duration_seconds: z.number(),
    }),
  ),
});

/** Three stages that hand results on: the proof of chaining. */
export const helloWorldSequential = defineJob('hello_world_sequential', {
  description: 'n hellos, one validation of them all, n responses, each to the hello that it was mapped to.',
  parameters: z.object({
    n: z.int().min(1).max(20).default(1).describe('Hellos, and responses.'),
    message: z.string().default('Sequential Hello Test').describe('What is said.'),
  }),
})
  .stage('initial_hello', initialHello, ({ params }) =>
    Array.from({ length: params.n }, (_, index) => ({
      key: `hello-${index + 1}`,
      input: { hello_number: index + 1, base: params.message },
    })),
  )
  .fanOut('validation', validateHellos, async ({ params, previous }) => [
    {
      key: 'validation',
      input: { expected: params.n, hellos: (await previous.all()).map(({ output }) => output) },
    },
  ])
  .fanOut('response', respondToHello, async ({ previous }) =>
    Object.values((await previous.only()).stage3_task_mapping).map((partner) => ({
      key: `response-${partner.original_hello_number}`,
      input: partner,
    })),
  )
  .finalize(result, async ({ params, results, stages }) => {
    const hellos = await results.initial_hello.all();
    const responses = await results.response.all();
    const { validation_summary } = await results.validation.only();
    return {
      sequential_hello_statistics: {
        total_stages_completed: stages.length,
        stage1_hellos_requested: params.n,
        stage1_hellos_successful: hellos.length,
        stage2_validation_passed: validation_summary.ready_for_stage3,
        stage3_responses_generated: responses.length,
        overall_success_rate: `${Math.round((100 * responses.length) / params.n)}%`,
      },
      stage_conversations: responses.map(({ output }) => ({
        stage1_task_id: output.responds_to_task_id,
        stage1_message: output.conversation.stage1_said,
        stage3_task_id: output.current_task_id,
        stage3_response: output.response_message,
      })),
      stage_history: stages.map(historyEntry),
    };
  });

function historyEntry(stage: StageRecord) {
  const end = stage.completedAt ?? new Date();
  return {
    stage_n: stage.number,
    stage: stage.name,
    task_count: stage.counts.total,
    status: 'completed',
    completed_at: end.toISOString(),
    duration_seconds: (end.getTime() - stage.startedAt.getTime()) / 1000,
  };
}
