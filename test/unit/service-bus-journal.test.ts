import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Broker } from '../../src/local/service-bus/broker/broker.ts';
import type { IncomingMessage } from '../../src/local/service-bus/broker/message.ts';
import type { Queue, QueueDefinition } from '../../src/local/service-bus/broker/queue.ts';
import { Journal } from '../../src/local/service-bus/journal.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coremachine-journal-'));
  file = join(folder, 'journal');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const definition = {
  name: 'q',
  lockDurationMs: 60_000,
  maxDeliveryCount: 10,
  duplicateDetectionWindowMs: 600_000,
  defaultTtlMs: null,
  deadLetterOnExpiry: false,
};

function message(messageId: string): IncomingMessage {
  const sections = { annotations: null, properties: null, applicationProperties: null, body: Buffer.from(messageId) };
  return { messageId, sections, timeToLiveMs: null, scheduledAt: null };
}

/** A broker with its journal, as a process that has just started has it. */
function start(changes: Partial<QueueDefinition> = {}): { queue: Queue; journal: Journal } {
  const journal = new Journal(file, { compactBytes: 20_000 });
  const broker = new Broker({
    queues: [{ ...definition, ...changes }],
    key: '',
    connectionLoss: 'hold',
    mergeProperties: (sections) => sections,
    onReady: () => {},
    record: journal.record,
  });
  const queue = broker.find('q');
  assert.ok(queue);
  const stored = journal.read().get('q');
  for (const kept of stored?.messages.values() ?? []) queue.restore(kept);
  for (const [id, at] of stored?.seen ?? []) queue.remember(id, at);
  journal.start(() => broker.contents());
  return { queue, journal };
}

function bodies(queue: Queue): string[] {
  return queue.peek(0, 1000).map(({ sections }) => sections.body.toString());
}

test('the file does not grow with what has passed through, and loses nothing that is left', async () => {
  const first = start({ duplicateDetectionWindowMs: null });
  first.queue.enqueue(message('stays'));
  assert.ok(first.queue.take('somebody'));
  for (let number = 0; number < 2000; number += 1) {
    first.queue.enqueue(message(`m${number}`));
    const lock = first.queue.take('') ?? assert.fail('no message');
    first.queue.complete(lock.token);
    if (number % 50 === 49) first.journal.flush();
  }
  first.journal.close();
  const { size } = await stat(file);
  assert.ok(size < 60_000, `${size} bytes`);
  assert.deepEqual(await readdir(folder), ['journal']);
  assert.deepEqual(bodies(start().queue), ['stays']);
});

test('a message id is known as a duplicate after a restart too', () => {
  const first = start();
  assert.ok(first.queue.enqueue(message('once')));
  const lock = first.queue.take('') ?? assert.fail();
  first.queue.complete(lock.token);
  first.journal.close();
  const second = start();
  assert.equal(second.queue.enqueue(message('once')), null);
  assert.ok(second.queue.enqueue(message('another')));
  second.journal.close();
});

test('a process that dies right after its start has lost nothing: the old file is replaced whole', () => {
  const first = start();
  for (const id of ['a', 'b', 'c']) first.queue.enqueue(message(id));
  first.journal.close();
  for (let restarts = 0; restarts < 3; restarts += 1) assert.deepEqual(bodies(start().queue), ['a', 'b', 'c']);
});

test('a torn end is left out, and a draft that was never finished changes nothing', async () => {
  const first = start();
  for (const id of ['a', 'b']) first.queue.enqueue(message(id));
  first.journal.close();
  await appendFile(`${file}.new`, '{"queue":"q","seq');
  await truncate(file, (await stat(file)).size - 5);
  assert.deepEqual(bodies(start().queue).slice(0, 1), ['a']);
});
