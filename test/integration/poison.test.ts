import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { ServiceBusClient, type ServiceBusMessage } from '@azure/service-bus';
import type { JsonObject } from '../../core/json.ts';
import { jobMessage, taskMessage } from '../../core/messages.ts';
import { startServiceBusEmulator } from '../../src/local/service-bus/server.ts';
import { jobQueue, queueDefinitions, taskQueue } from '../../src/local/stack/queues.ts';
import { eventually } from '../tools/poll.ts';
import { testStack } from '../tools/stack.ts';

const never = '0 0 0 1 1 *';
const emulator = await startServiceBusEmulator({ queues: queueDefinitions() });
// Without the reconciler: nothing but the queues may bring a job on.
const running = testStack({
  env: {
    SERVICE_BUS_CONNECTION: emulator.connectionString,
    UPKEEP_REPUBLISH_SCHEDULE: never,
    UPKEEP_LEASES_SCHEDULE: never,
    UPKEEP_STAGES_SCHEDULE: never,
  },
});
const client = new ServiceBusClient(emulator.connectionString);
after(async () => {
  await client.close();
  await emulator.close();
});
beforeEach(() => emulator.dropAllMessages());

const stage = { jobId: 'f'.repeat(64), run: 1, stage: 1 };
let counter = 0;
const id = () => {
  counter += 1;
  return `poison-${counter}`;
};

async function send(queue: string, messages: readonly ServiceBusMessage[]): Promise<void> {
  const sender = client.createSender(queue);
  await Promise.all(messages.map((message) => sender.sendMessages(message)));
  await sender.close();
}

async function call(method: string, path: string, body?: string): Promise<{ status: number; body: JsonObject }> {
  const { url, functionKey } = running().stack;
  const answer = await fetch(`${url}/api/${path}`, {
    method,
    headers: { 'x-functions-key': functionKey, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body }),
  });
  return { status: answer.status, body: (await answer.json()) as JsonObject };
}

const post = (path: string, body: unknown) => call('POST', path, JSON.stringify(body));

async function deadLetters(queue: string, count: number): Promise<JsonObject[]> {
  return eventually(
    async () => {
      const { body } = await call('GET', `queues/${queue}/deadletter`);
      return (body.count as number) >= count && (body.dead_letters as JsonObject[]);
    },
    { timeoutMs: 30_000, intervalMs: 200 },
  );
}

function hostile(): [reason: string, message: ServiceBusMessage][] {
  const { body } = jobMessage(stage, 'c');
  return [
    ['unparsable', { body: Buffer.from('{"job_id": "ffff') }],
    ['unparsable', { body: Buffer.from([0x00, 0xff, 0xfe, 0x80, 0x01]) }],
    ['oversized', { body: 'x'.repeat(200_000) }],
    ['oversized', { body: { ...body, correlation_id: 'x'.repeat(200_000) } }],
    ['foreign', { body: { orderId: 4711, total: '12.50' } }],
    ['foreign', { body: Buffer.from(`{"__proto__": ${JSON.stringify(body)}}`) }],
    ['foreign', { body: { ...body, correlation_id: 'a\0b' } }],
    ['foreign', { body: { ...body, run: '1', stage: null } }],
    ['foreign', { body: { ...body, run: 1e15 } }],
    ['foreign', { body: taskMessage({ ...stage, task: 0 }, 'c', { attempt: 1 }).body }],
  ];
}

test('fifty poison messages in each queue: all become dead letters with a reason, and a job runs through', async () => {
  const poison = Array.from({ length: 5 }, hostile).flat();
  const messages = poison.map(([, message]) => ({ ...message, messageId: id() }));
  await Promise.all([
    send(jobQueue, messages),
    send(
      taskQueue,
      messages.map((one) => ({ ...one })),
    ),
  ]);
  const { job_id } = await running().client.submit('hello_world', { n: 5, message: 'among poison' });
  const job = await running().client.follow(String(job_id), () => {}, AbortSignal.timeout(30_000));
  assert.equal(job.status, 'completed');
  const letters = await deadLetters('jobs', 50);
  assert.equal(letters.length, 50);
  const reasons = new Map(letters.map(({ message_id, reason }) => [message_id, reason]));
  for (const [index, { messageId }] of messages.entries()) assert.equal(reasons.get(messageId), poison[index]?.[0]);
  assert.ok(letters.every((letter) => letter.dead_letter_reason === 'MaxDeliveryCountExceeded' && letter.description));
  // What is a task message to the jobs queue is one to the tasks queue: of a job that is not there, so it is done.
  assert.equal((await deadLetters(taskQueue, 45)).length, 45);
  const { body } = await call('GET', 'queues');
  assert.deepEqual(body.queues, [
    { name: jobQueue, role: 'jobs', active: 0, scheduled: 0, dead_letter: 50, total: 50, size_bytes: 0 },
    { name: taskQueue, role: 'tasks', active: 0, scheduled: 0, dead_letter: 45, total: 45, size_bytes: 0 },
  ]);
});

test('a message older than seven days is refused as ancient, and goes when it is asked for', async () => {
  const old = new Date(Date.now() - 8 * 24 * 60 * 60 * 1000);
  const queue = emulator.broker.find(jobQueue);
  assert.ok(queue);
  // The queue of a service that stood still for eight days.
  emulator.broker.injectFault((_name, { messageId, sections }) => {
    queue.restore({
      sequence: 1_000_000,
      messageId,
      sections,
      enqueuedAt: old.getTime(),
      expiresAt: null,
      scheduledAt: null,
      state: 'active',
      deliveryCount: 0,
      deadLetterSource: null,
    });
    return [];
  });
  const { body } = jobMessage(stage, 'c');
  await send(jobQueue, [{ body, messageId: id() }]);
  emulator.broker.injectFault(null);
  const [letter] = await deadLetters('jobs', 1);
  assert.equal(letter?.reason, 'ancient');
  assert.equal(letter?.enqueued_at, old.toISOString());
  assert.match(String(letter?.description), /8 days ago/);
  const { body: report } = await post('queues/jobs/deadletter/resubmit', {
    sequence_numbers: [String(letter?.sequence_number)],
  });
  assert.equal(report.resubmitted, 1);
  await eventually(() => queue.counts().total === 0);
  assert.equal(queue.counts().deadLettered, 0);
});

test('a job whose message died goes on when it is resubmitted', async () => {
  // It expires before anyone can take it, as in a queue that nobody listened to for too long.
  emulator.broker.injectFault((_queue, message) => [{ ...message, timeToLiveMs: 0 }]);
  const { job_id } = await running().client.submit('hello_world', { n: 2, message: 'its message dies' });
  emulator.broker.injectFault(null);
  const [letter] = await deadLetters(jobQueue, 1);
  assert.deepEqual([letter?.reason, letter?.dead_letter_reason], ['not_processed', 'TTLExpiredException']);
  assert.equal((await running().client.status(String(job_id))).status, 'queued');
  const { status, body } = await post(`queues/${jobQueue}/deadletter/resubmit`, {
    message_ids: [String(letter?.message_id), 'no-such-message'],
  });
  assert.equal(status, 200);
  assert.deepEqual([body.resubmitted, body.not_found, body.searched], [1, ['no-such-message'], 1]);
  const job = await running().client.follow(String(job_id), () => {}, AbortSignal.timeout(20_000));
  assert.equal(job.status, 'completed');
});

test('poison is put back only by force, and comes out again', async () => {
  await send(jobQueue, [{ body: Buffer.from('not {json'), messageId: id() }]);
  const [letter] = await deadLetters('jobs', 1);
  const polite = await post('queues/jobs/deadletter/resubmit', { all: true });
  assert.equal(polite.body.resubmitted, 0);
  assert.deepEqual(polite.body.refused, [
    {
      sequence_number: letter?.sequence_number,
      message_id: letter?.message_id,
      reason: 'unparsable',
      description: 'the body is not a JSON object',
    },
  ]);
  const forced = await post('queues/jobs/deadletter/resubmit', { all: true, force: true });
  assert.equal(forced.body.resubmitted, 1);
  const [{ new_message_id } = {}] = forced.body.messages as JsonObject[];
  const [again] = await eventually(async () => {
    const found = await deadLetters('jobs', 1);
    return found[0]?.message_id === new_message_id && found;
  });
  assert.equal(again?.body_start, 'not {json');
});

test('lists page by cursor', async () => {
  await send(
    jobQueue,
    Array.from({ length: 5 }, () => ({ body: 1, messageId: id() })),
  );
  const all = (await deadLetters('jobs', 5)).map(({ message_id }) => message_id);
  const seen: unknown[] = [];
  let cursor: unknown = '';
  do {
    const { body } = await call('GET', `queues/jobs/deadletter?limit=2${cursor && `&cursor=${cursor}`}`);
    seen.push(...(body.dead_letters as JsonObject[]).map(({ message_id }) => message_id));
    cursor = body.next_cursor;
  } while (cursor);
  assert.deepEqual(seen, all);
});

test('wrong requests are answered with what is wrong', async () => {
  const path = 'queues/jobs/deadletter/resubmit';
  const unknown = await call('GET', 'queues/no-such/deadletter');
  assert.deepEqual([unknown.status, unknown.body.error], [404, 'QUEUE_NOT_FOUND']);
  const details = unknown.body.details as JsonObject[];
  assert.deepEqual(
    details.map(({ message }) => message),
    [`${jobQueue} (or jobs)`, `${taskQueue} (or tasks)`],
  );
  const cases: [string, Promise<{ status: number; body: JsonObject }>, number, string][] = [
    ['no body', call('POST', path), 400, 'INVALID_PARAMETERS'],
    ['nothing chosen', post(path, {}), 400, 'INVALID_PARAMETERS'],
    ['only force', post(path, { force: true }), 400, 'INVALID_PARAMETERS'],
    ['two choices', post(path, { all: true, message_ids: ['a'] }), 400, 'INVALID_PARAMETERS'],
    ['all: false', post(path, { all: false }), 400, 'INVALID_PARAMETERS'],
    ['no ids', post(path, { message_ids: [] }), 400, 'INVALID_PARAMETERS'],
    ['a list', post(path, [1]), 400, 'INVALID_PARAMETERS'],
    ['an unknown field', post(path, { all: true, queue: 'x' }), 400, 'INVALID_PARAMETERS'],
    ['no number', post(path, { sequence_numbers: ['-1'] }), 400, 'INVALID_PARAMETERS'],
    ['too large a number', post(path, { sequence_numbers: ['9999999999999999999'] }), 400, 'INVALID_PARAMETERS'],
    ['bad JSON', call('POST', path, '{"all":'), 400, 'BAD_JSON'],
    ['unknown queue', post('queues/a%2Fb/deadletter/resubmit', { all: true }), 404, 'QUEUE_NOT_FOUND'],
    ['bad cursor', call('GET', 'queues/jobs/deadletter?cursor=e30'), 400, 'INVALID_PARAMETERS'],
    ['bad limit', call('GET', 'queues/jobs/deadletter?limit=1001'), 400, 'INVALID_PARAMETERS'],
  ];
  for (const [what, answer, status, code] of cases) {
    const { status: got, body } = await answer;
    assert.deepEqual([got, body.error], [status, code], `${what}: ${JSON.stringify(body)}`);
  }
});
