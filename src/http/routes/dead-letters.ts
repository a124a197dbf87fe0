import { z } from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import type { DeadLetter } from '../../../infrastructure/service-bus/dead-letters.ts';
import type { ResubmitReport, Selection } from '../../../infrastructure/service-bus/resubmit.ts';
import { parseBody } from '../body.ts';
import { cursorParameter, encodeCursor, limitParameter } from '../cursor.ts';
import { defineRoute } from '../route.ts';
import { keyParameter } from './job-id.ts';
import { findQueue, queueParameter } from './queue-name.ts';

const sequenceNumber = z
  .string()
  .regex(/^\d{1,19}$/)
  .refine((digits) => BigInt(digits) < 2n ** 63n - 1n, 'not a sequence number');

export const listDeadLetters = defineRoute({
  name: 'list_dead_letters',
  method: 'GET',
  path: 'queues/{name}/deadletter',
  auth: 'function',
  summary: 'Dead letters in order of their sequence numbers, with what is wrong with each. Takes none of them.',
  pathParameters: queueParameter,
  query: keyParameter.extend({
    limit: limitParameter,
    cursor: cursorParameter(z.object({ sequence_number: sequenceNumber })).optional(),
  }),
  errors: ['INVALID_PARAMETERS', 'QUEUE_NOT_FOUND', 'QUEUE_UNAVAILABLE'],
  async answer(app, { path, query }) {
    const { role, name } = findQueue(app.config, path.name);
    const { deadLetters, more } = await app.queue.deadLetters(role, {
      limit: query.limit,
      ...(query.cursor && { after: query.cursor.sequence_number }),
    });
    const last = more ? deadLetters.at(-1) : undefined;
    const body = {
      queue: name,
      dead_letters: deadLetters.map(deadLetterView),
      count: deadLetters.length,
      next_cursor: last ? encodeCursor({ sequence_number: last.sequenceNumber }) : null,
    };
    return { status: 200, body };
  },
});

const force = z
  .boolean()
  .default(false)
  .describe('Also messages that cannot be worked on; they will be dead letters again.');
const names = <T extends z.ZodType>(name: T) => z.array(name).min(1).max(1000);
const selection = z
  .strictObject({
    all: z.literal(true).optional(),
    message_ids: names(z.string().max(500)).optional(),
    sequence_numbers: names(z.union([sequenceNumber, z.int().min(0).transform(String)])).optional(),
    force,
  })
  .refine(
    (body) => [body.all, body.message_ids, body.sequence_numbers].filter((one) => one !== undefined).length === 1,
    'give one of all, message_ids and sequence_numbers',
  );

export const resubmitDeadLetters = defineRoute({
  name: 'resubmit_dead_letters',
  method: 'POST',
  path: 'queues/{name}/deadletter/resubmit',
  auth: 'function',
  summary: 'Put dead letters back into their queue, as new messages. Looks at the 2,000 oldest.',
  pathParameters: queueParameter,
  query: keyParameter,
  body: 'Which dead letters: all, or some by message id or by sequence number.',
  bodySchema: selection,
  errors: [
    'BAD_JSON',
    'INVALID_PARAMETERS',
    'QUEUE_NOT_FOUND',
    'BODY_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'QUEUE_UNAVAILABLE',
  ],
  async answer(app, { path, json, requestId }) {
    const { role, name } = findQueue(app.config, path.name);
    const body = parseBody(selection, await json());
    const report = await app.queue.resubmit(role, chosen(body), { force: body.force });
    const { moved, refused, notFound } = report;
    const counts = { messages: moved.length, refused: refused.length, notFound: notFound.length };
    app.log.info('Message:Resubmitted', { queue: name, requestId, ...counts });
    return { status: 200, body: { queue: name, ...reportView(report) } };
  },
});

function chosen({ message_ids: messageIds, sequence_numbers: sequenceNumbers }: z.output<typeof selection>): Selection {
  if (messageIds) return { messageIds };
  return sequenceNumbers ? { sequenceNumbers } : { all: true };
}

function deadLetterView(letter: DeadLetter): JsonObject {
  return {
    sequence_number: letter.sequenceNumber,
    message_id: letter.messageId,
    reason: letter.poison?.reason ?? 'not_processed',
    description:
      letter.poison?.description ?? 'the message is in order; working on it failed each time, or it waited too long',
    dead_letter_reason: letter.deadLetterReason,
    dead_letter_description: letter.deadLetterDescription,
    delivery_count: letter.deliveryCount,
    enqueued_at: letter.enqueuedAt?.toISOString() ?? null,
    correlation_id: letter.correlationId,
    content_type: letter.contentType,
    body_bytes: letter.bodyBytes,
    body_start: letter.bodyStart,
  };
}

function reportView({ moved, refused, notFound, searched, more }: ResubmitReport): JsonObject {
  return {
    resubmitted: moved.length,
    messages: moved.map((one) => ({
      sequence_number: one.sequenceNumber,
      message_id: one.messageId,
      new_message_id: one.newMessageId,
    })),
    refused: refused.map(({ sequenceNumber, messageId, poison }) => ({
      sequence_number: sequenceNumber,
      message_id: messageId,
      ...poison,
    })),
    not_found: notFound,
    searched,
    more,
  };
}
