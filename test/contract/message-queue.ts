import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { jobMessage, readMessage, taskMessage } from '../../core/messages.ts';
import type { MessageQueue, QueueName } from '../../core/ports/message-queue.ts';
import { eventually } from '../tools/poll.ts';

export interface DeliveredMessage {
  readonly id: string;
  readonly body: unknown;
  /** ms since the epoch. */
  readonly receivedAt: number;
}

/** A queue with its other end. */
export interface QueueUnderTest {
  readonly queue: MessageQueue;
  /** Takes up to some hundred messages that are due; an empty list soon when there are none. */
  take(from: QueueName): Promise<readonly DeliveredMessage[]>;
  /** Makes every later send fail; left out where sending cannot fail. */
  breakDown?(): Promise<void>;
  close(): Promise<void>;
}

const job = (letter: string) => letter.repeat(64);

/** What every message queue must do. Order is not promised and is not tested. */
export function messageQueueContract(title: string, open: () => Promise<QueueUnderTest>): void {
  describe(`message queue: ${title}`, () => {
    let under: QueueUnderTest;
    before(async () => {
      under = await open();
    });
    after(() => under?.close());

    async function collect(from: QueueName, count: number, timeoutMs = 30_000): Promise<DeliveredMessage[]> {
      const got: DeliveredMessage[] = [];
      await eventually(
        async () => {
          got.push(...(await under.take(from)));
          return got.length >= count;
        },
        { timeoutMs },
      ).catch((error: unknown) => assert.fail(`${got.length} of ${count} messages came: ${error}`));
      return got;
    }

    const nothingLeft = async () => {
      assert.deepEqual(await under.take('jobs'), []);
      assert.deepEqual(await under.take('tasks'), []);
    };

    test('a message comes out of its own queue, with ids only, and once', async () => {
      const stage = { jobId: job('a'), run: 1, stage: 2 };
      await under.queue.sendJobMessages([jobMessage(stage, 'request-1')]);
      await under.queue.sendTaskMessages([taskMessage({ ...stage, task: 7 }, 'request-1', { attempt: 1 })]);
      const [[first], [second]] = await Promise.all([collect('jobs', 1), collect('tasks', 1)]);
      assert.deepEqual(readMessage('jobs', first?.body).message, {
        job_id: stage.jobId,
        run: 1,
        stage: 2,
        correlation_id: 'request-1',
      });
      assert.equal(readMessage('tasks', second?.body).message?.task, 7);
      assert.equal(second?.id, `${stage.jobId}:1:2:7:1`);
      await nothingLeft();
    });

    test('equal ids are delivered once, in one call and in several; a repeat mark makes another message', async () => {
      const stage = { jobId: job('b'), run: 1, stage: 1 };
      const message = jobMessage(stage, 'c');
      await under.queue.sendJobMessages([message, message]);
      await Promise.all([under.queue.sendJobMessages([message]), under.queue.sendJobMessages([message])]);
      await under.queue.sendJobMessages([jobMessage(stage, 'c', { repeat: ':r1' })]);
      const got = await collect('jobs', 2);
      assert.deepEqual(got.map(({ id }) => id).toSorted(), [message.id, `${message.id}:r1`]);
      await nothingLeft();
    });

    test('a scheduled message does not come before its time, and does come', async () => {
      const ref = { jobId: job('c'), run: 1, stage: 1 };
      const notBefore = new Date(Date.now() + 1500);
      await under.queue.sendTaskMessages([
        taskMessage({ ...ref, task: 0 }, 'c', { attempt: 2, notBefore }),
        taskMessage({ ...ref, task: 1 }, 'c', { attempt: 2, notBefore: new Date(Date.now() - 60_000) }),
        taskMessage({ ...ref, task: 2 }, 'c', { attempt: 1 }),
      ]);
      const got = await collect('tasks', 3);
      assert.deepEqual(got.map(({ body }) => readMessage('tasks', body).message?.task ?? -1).toSorted(), [0, 1, 2]);
      const late = got.find(({ body }) => readMessage('tasks', body).message?.task === 0);
      assert.ok((late?.receivedAt ?? 0) >= notBefore.getTime(), 'came too early');
      for (const prompt of got.filter((message) => message !== late)) {
        assert.ok(prompt.receivedAt < notBefore.getTime(), 'waited for the scheduled one');
      }
      await nothingLeft();
    });

    test('5,000 messages of one call all come, each once', async () => {
      const ref = { jobId: job('d'), run: 1, stage: 1 };
      const messages = Array.from({ length: 5000 }, (_, task) => taskMessage({ ...ref, task }, 'c', { attempt: 1 }));
      await under.queue.sendTaskMessages(messages);
      const got = await collect('tasks', 5000, 60_000);
      const tasks = got.map(({ body }) => readMessage('tasks', body).message?.task ?? -1).toSorted((a, b) => a - b);
      assert.deepEqual(
        tasks,
        Array.from({ length: 5000 }, (_, task) => task),
      );
      await nothingLeft();
    });

    test('500 callers at once: every one is answered, every message comes', async () => {
      const refs = Array.from({ length: 500 }, (_, index) => ({ jobId: job('e'), run: index + 1, stage: 1 }));
      await Promise.all(refs.map((ref) => under.queue.sendJobMessages([jobMessage(ref, 'c')])));
      const got = await collect('jobs', 500);
      assert.equal(new Set(got.map(({ id }) => id)).size, 500);
      await nothingLeft();
    });

    test('sending nothing is no message', async () => {
      await under.queue.sendJobMessages([]);
      await under.queue.sendTaskMessages([]);
      await nothingLeft();
    });

    test('a send that fails rejects with QUEUE_UNAVAILABLE', async (t) => {
      if (!under.breakDown) return t.skip('sending to this queue cannot fail');
      await under.breakDown();
      const message = jobMessage({ jobId: job('f'), run: 1, stage: 1 }, 'c');
      await assert.rejects(under.queue.sendJobMessages([message]), { code: 'QUEUE_UNAVAILABLE', retryable: true });
    });
  });
}
