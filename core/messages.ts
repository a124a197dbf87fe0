import { z } from 'zod';
import { CoreMachineError } from './errors.ts';
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

/** Throws BAD_MESSAGE for anything that is not a job message. */
export function parseJobMessage(body: unknown): JobMessage {
  return parse(jobMessageSchema, body);
}

/** Throws BAD_MESSAGE for anything that is not a task message. */
export function parseTaskMessage(body: unknown): TaskMessage {
  return parse(taskMessageSchema, body);
}

/** What keeps a body from being a message of this queue, by field; empty when it is one. */
export function messageProblems(queue: QueueName, body: object): string[] {
  const parsed = (queue === 'jobs' ? jobMessageSchema : taskMessageSchema).safeParse(body);
  return (parsed.error?.issues ?? []).map(({ path, message }) => [...path, message].map(String).join(': '));
}

/** `repeat` tells a message that is sent again from the first one, which the queue would drop as its duplicate. */
export function jobMessage(ref: StageRef, correlationId: string, repeat = ''): OutgoingMessage<JobMessage> {
  return {
    id: `${ref.jobId}:${ref.run}:${ref.stage}${repeat}`,
    body: { job_id: ref.jobId, run: ref.run, stage: ref.stage, correlation_id: correlationId },
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

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new CoreMachineError('BAD_MESSAGE', 'not a CoreMachine message', {
    details: parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
  });
}
