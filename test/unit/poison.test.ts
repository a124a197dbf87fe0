import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jobMessage, taskMessage } from '../../core/messages.ts';
import { findPoison, type PoisonReason } from '../../core/poison.ts';
import { silentTelemetry } from '../../core/ports/telemetry.ts';
import { deliveryOf } from '../../src/delivery.ts';
import { bench } from './engine-tools.ts';

const day = 24 * 60 * 60 * 1000;
const stage = { jobId: 'a'.repeat(64), run: 1, stage: 1 };
const job = jobMessage(stage, 'request-1').body;
const task = taskMessage({ ...stage, task: 0 }, 'request-1', { attempt: 1 }).body;
const nested = JSON.parse(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);

describe('what is poison', () => {
  const cases: [string, unknown, PoisonReason | null][] = [
    ['a job message', job, null],
    ['one with an empty correlation id', { ...job, correlation_id: '' }, null],
    ['truncated JSON', '{"job_id": "aaa', 'unparsable'],
    ['no body', null, 'unparsable'],
    ['nothing', undefined, 'unparsable'],
    ['a number', 7, 'unparsable'],
    ['a list', [job], 'unparsable'],
    ['bytes', new Uint8Array([0, 255, 1]), 'unparsable'],
    ['an empty text', '', 'unparsable'],
    ['an empty object', {}, 'foreign'],
    ['another system’s', { orderId: 17, total: '12.50' }, 'foreign'],
    ['an own field too many', { ...job, extra: 1 }, 'foreign'],
    ['a field of __proto__', JSON.parse(`{"__proto__": {}, ${JSON.stringify(job).slice(1)}`), 'foreign'],
    ['everything in __proto__', JSON.parse(`{"__proto__": ${JSON.stringify(job)}}`), 'foreign'],
    ['a task message in the jobs queue', task, 'foreign'],
    ['a run that is text', { ...job, run: '1' }, 'foreign'],
    ['a stage of 0', { ...job, stage: 0 }, 'foreign'],
    ['a stage of 1.5', { ...job, stage: 1.5 }, 'foreign'],
    ['a run the database cannot hold', { ...job, run: 2 ** 31 }, 'foreign'],
    ['an id in capitals', { ...job, job_id: 'A'.repeat(64) }, 'foreign'],
    ['a line break behind the id', { ...job, job_id: `${job.job_id}\n` }, 'foreign'],
    ['NUL', { ...job, correlation_id: 'a\0b' }, 'foreign'],
    ['half a character', { ...job, correlation_id: '\ud800' }, 'foreign'],
    ['20 KB of text', 'x'.repeat(20_000), 'oversized'],
    ['20 KB of bytes', new Uint8Array(20_000), 'oversized'],
    ['20 KB of JSON', { ...job, correlation_id: 'x'.repeat(20_000) }, 'oversized'],
    ['6,000 characters of 3 bytes', '€'.repeat(6000), 'oversized'],
    ['deep nesting', nested, 'oversized'],
  ];
  for (const [what, body, reason] of cases) {
    test(`${what}: ${reason ?? 'none'}`, () => {
      const found = findPoison('jobs', body);
      assert.equal(found?.reason ?? null, reason);
      if (found) assert.ok(found.description.length > 10 && found.description.length <= 400);
    });
  }

  test('the tasks queue has its own shape', () => {
    assert.equal(findPoison('tasks', task), null);
    assert.equal(findPoison('tasks', job)?.reason, 'foreign');
    assert.match(findPoison('tasks', { ...task, task: -1 })?.description ?? '', /task: /);
  });

  test('age counts from its limit on, and only for a message of ours', () => {
    const limitMs = 7 * day;
    assert.equal(findPoison('jobs', job, { ms: limitMs, limitMs }), null);
    assert.deepEqual(findPoison('jobs', job, { ms: 8.54 * day, limitMs }), {
      reason: 'ancient',
      description: 'queued 8.5 days ago, over the limit of 7',
    });
    assert.equal(findPoison('jobs', {}, { ms: 8 * day, limitMs })?.reason, 'foreign');
  });

  test('a description never shows what the message says', () => {
    const secret = { password: 'hunter2', job_id: 'hunter2' };
    assert.doesNotMatch(JSON.stringify(findPoison('jobs', secret)), /hunter2/);
  });
});

describe('the machine', () => {
  test('refuses poison, and reports it once for all its deliveries', async () => {
    const counted: unknown[] = [];
    const telemetry = { ...silentTelemetry, count: (...call: unknown[]) => void counted.push(call) };
    const b = bench([], { telemetry });
    for (const deliveryCount of [1, 2, 3]) {
      await assert.rejects(b.machine.handleJobMessage('{"job', { messageId: 'm-1', deliveryCount }), {
        code: 'BAD_MESSAGE',
        message: 'unparsable: the body is not a JSON object',
      });
    }
    assert.deepEqual(counted, [['coremachine.messages.refused', { queue: 'jobs', reason: 'unparsable' }]]);
    assert.deepEqual(b.events, [
      {
        event: 'Message:Refused',
        fields: {
          queue: 'jobs',
          messageId: 'm-1',
          reason: 'unparsable',
          description: 'the body is not a JSON object',
        },
      },
    ]);
  });

  test('refuses what is older than its limit, by its own clock', async () => {
    const b = bench([], { messageAgeMs: 2 * day });
    const enqueuedAt = new Date(b.clock.now());
    b.clock.advance(2 * day);
    await b.machine.handleTaskMessage(task, undefined, { enqueuedAt });
    b.clock.advance(1);
    await assert.rejects(b.machine.handleTaskMessage(task, undefined, { enqueuedAt }), {
      details: [{ code: 'ancient', message: 'queued 2 days ago, over the limit of 2' }],
    });
  });
});

describe('what the trigger says', () => {
  test('is read where it is of the documented kind', () => {
    const enqueuedTimeUtc = '2030-01-02T03:04:05.678Z';
    assert.deepEqual(deliveryOf({ triggerMetadata: { messageId: 'm', deliveryCount: 3, enqueuedTimeUtc, other: 1 } }), {
      messageId: 'm',
      deliveryCount: 3,
      enqueuedAt: new Date(enqueuedTimeUtc),
    });
    assert.deepEqual(
      deliveryOf({ triggerMetadata: { messageId: 7, deliveryCount: '3', enqueuedTimeUtc: 'soon' } }),
      {},
    );
    assert.deepEqual(deliveryOf({}), {});
  });
});
