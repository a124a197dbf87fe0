import { z } from 'zod';
import { jobIdPattern } from './ids.ts';
import type { JobMessage, OutgoingMessage, QueueName, TaskMessage } from './ports/message-queue.ts';
import type { StageRef, TaskRef } from './ports/state-store.ts';

/** The database's integers. */
const largestInteger = 2 ** 31 - 1;

const jobMessageSchema = z.strictObject({
  job_id: z.string().regex(jobIdPattern),
  run: z.int().min(1).max(largestInteger),
  stage: z.int().min(1).max(largestInteger),
  // No control characters, no halves of characters: it is written to logs and into the next message.
  correlation_id: z
    .string()
    .max(200)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u),
});

const taskMessageSchema = jobMessageSchema.extend({ task: z.int().min(0).max(largestInteger) });

/** The bodies of each queue. */
export interface Messages {
  readonly jobs: JobMessage;
  readonly tasks: TaskMessage;
}

const schemas: { readonly [Queue in QueueName]: z.ZodType<Messages[Queue]> } = {
  jobs: jobMessageSchema,
  tasks: taskMessageSchema,
};

/** A body as a message of its queue, or what keeps it from being one, by field. */
export function readMessage<Queue extends QueueName>(
  queue: Queue,
  body: unknown,
):
  | { readonly message: Messages[Queue]; readonly problems: null }
  | { readonly message: null; readonly problems: readonly string[] } {
  const parsed = schemas[queue].safeParse(body);
  if (parsed.success) return { message: parsed.data, problems: null };
  return {
    message: null,
    problems: parsed.error.issues.map(({ path, message }) => [...path, message].map(String).join(': ')),
  };
}

/**
 * `repeat` tells a message that is sent again from the first one, which the queue would drop as its duplicate; `notBefore`
 * for one that has to wait.
 */
export function jobMessage(
  ref: StageRef,
  correlationId: string,
  { repeat = '', notBefore }: { readonly repeat?: string; readonly notBefore?: Date } = {},
): OutgoingMessage<JobMessage> {
  return {
    id: `${ref.jobId}:${ref.run}:${ref.stage}${repeat}`,
    body: { job_id: ref.jobId, run: ref.run, stage: ref.stage, correlation_id: correlationId },
    ...(notBefore && { notBefore }),
  };
}

/** The message for a task's next attempt; `notBefore` for one that has to wait. */
export function taskMessage(
  ref: TaskRef,
  correlationId: string,
  options: { readonly attempt: number; readonly notBefore?: Date; readonly repeat?: string },
): OutgoingMessage<TaskMessage> {
  return {
    id: `${ref.jobId}:${ref.run}:${ref.stage}:${ref.task}:${options.attempt}${options.repeat ?? ''}`,
    body: { job_id: ref.jobId, run: ref.run, stage: ref.stage, task: ref.task, correlation_id: correlationId },
    ...(options.notBefore && { notBefore: options.notBefore }),
  };
}

/** A suffix no earlier message of this job had: the time in base 36. */
export function repeatMark(): string {
  return `:r${Date.now().toString(36)}`;
}
