import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ServiceBusClient, type ServiceBusReceivedMessage } from '@azure/service-bus';
import type { LogFields } from '../../core/log.ts';
import { jobMessage, taskMessage } from '../../core/messages.ts';
import { createLog } from '../../infrastructure/log/log.ts';
import { QueueInspector } from '../../infrastructure/service-bus/inspector.ts';
import { openServiceBusQueue, type ServiceBusQueue } from '../../infrastructure/service-bus/queue.ts';
import { type ServiceBusEmulator, startServiceBusEmulator } from '../../src/local/service-bus/server.ts';
import { jobQueue, queueDefinitions, taskQueue } from '../../src/local/stack/queues.ts';
import { FaultyProxy } from '../tools/faulty-proxy.ts';

const stage = { jobId: 'a'.repeat(64), run: 1, stage: 1 };
const unavailable = { code: 'QUEUE_UNAVAILABLE' };
let runs = 0;
/** A job message no test has sent before. */
const fresh = () => {
  runs += 1;
  return jobMessage({ ...stage, run: runs }, 'request-1');
};

describe('sending through Service Bus', () => {
  let emulator: ServiceBusEmulator;
  let client: ServiceBusClient;
  let queue: ServiceBusQueue;
  const sent: LogFields[] = [];

  const open = (connection: string, jobs = jobQueue) =>
    openServiceBusQueue({
      connection,
      jobQueue: jobs,
      taskQueue,
      log: createLog({ format: 'json', write: (line) => sent.push(JSON.parse(line)) }),
      retryOptions: { maxRetries: 1, retryDelayInMs: 50 },
      tryLimitMs: 2000,
    });

  before(async () => {
    emulator = await startServiceBusEmulator({ queues: queueDefinitions() });
    client = new ServiceBusClient(emulator.connectionString);
    queue = open(emulator.connectionString);
  });
  after(async () => {
    await Promise.all([queue.close(), client.close()]);
    await emulator.close();
  });

  async function takeAll(name: string, count: number): Promise<ServiceBusReceivedMessage[]> {
    const receiver = client.createReceiver(name, { receiveMode: 'receiveAndDelete' });
    const got: ServiceBusReceivedMessage[] = [];
    while (got.length < count) {
      const messages = await receiver.receiveMessages(count - got.length, { maxWaitTimeInMs: 5000 });
      assert.ok(messages.length > 0, `${got.length} of ${count} came`);
      got.push(...messages);
    }
    await receiver.close();
    return got;
  }

  test('the message says what it is', async () => {
    const message = fresh();
    await queue.sendJobMessages([message]);
    const [got] = await takeAll(jobQueue, 1);
    assert.equal(got?.messageId, message.id);
    assert.equal(got?.contentType, 'application/json');
    assert.equal(got?.correlationId, 'request-1');
    assert.deepEqual(got?.body, message.body);
  });

  test('messages sent at the same time share batches', async () => {
    sent.length = 0;
    await Promise.all(Array.from({ length: 300 }, () => queue.sendJobMessages([fresh()])));
    assert.ok(sent.length <= 3, `${sent.length} batches for 300 messages`);
    assert.equal(
      sent.reduce((sum, { messages }) => sum + Number(messages), 0),
      300,
    );
    assert.equal((await takeAll(jobQueue, 300)).length, 300);
  });

  test('retries of one second share a batch, and none of them is early', async () => {
    sent.length = 0;
    const dueAt = (task: number) => Math.ceil(Date.now() / 1000) * 1000 + 1001 + task * 10;
    const due = Array.from({ length: 50 }, (_, task) => dueAt(task));
    const messages = due.map((at, task) =>
      taskMessage({ ...stage, task }, 'c', { attempt: 2, notBefore: new Date(at) }),
    );
    await queue.sendTaskMessages(messages);
    assert.ok(sent.length <= 2, `${sent.length} batches`);
    const got = await takeAll(taskQueue, 50);
    for (const { body, enqueuedTimeUtc } of got) assert.ok((enqueuedTimeUtc?.getTime() ?? 0) >= (due[body.task] ?? 0));
  });

  test('more than ids is refused before anything is sent', async () => {
    const large = fresh();
    const oversize = { ...large, body: { ...large.body, correlation_id: 'x'.repeat(2000) } };
    await assert.rejects(queue.sendJobMessages([fresh(), oversize]), { code: 'BAD_MESSAGE' });
    await assert.rejects(queue.sendJobMessages([{ ...fresh(), id: 'x'.repeat(129) }]), { code: 'BAD_MESSAGE' });
    assert.equal((await new QueueInspector(emulator.connectionString).counts(jobQueue)).active, 0);
  });

  test('health and inspector show the counts', async () => {
    await queue.sendJobMessages([fresh(), fresh(), { ...fresh(), notBefore: new Date(Date.now() + 60_000) }]);
    const inspector = new QueueInspector(emulator.connectionString);
    const { active, scheduled, deadLetter } = await inspector.counts(jobQueue);
    assert.deepEqual({ active, scheduled, deadLetter }, { active: 2, scheduled: 1, deadLetter: 0 });
    const health = await queue.health();
    assert.deepEqual(health.queues, {
      [jobQueue]: { active: 2, scheduled: 1, dead_letter: 0 },
      [taskQueue]: { active: 0, scheduled: 0, dead_letter: 0 },
    });
    await assert.rejects(inspector.counts('no-such-queue'), unavailable);
    emulator.dropAllMessages();
  });

  test('connections that are cut while a message is on its way: the next try opens a new one', async () => {
    const child = join(import.meta.dirname, 'service-bus-cut.child.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [child]);
    assert.equal(stdout, '10 of 10 messages came, each once');
  });

  test('a connection that goes silent fails in time; once it is given up, the next send goes through', async (context) => {
    const proxy = await FaultyProxy.to(emulator.port);
    context.after(() => proxy.close());
    const through = open(emulator.connectionString.replace(String(emulator.port), String(proxy.port)));
    await through.sendJobMessages([fresh()]);
    proxy.fault = { how: 'stall', afterBytes: 0 };
    const started = Date.now();
    await assert.rejects(through.sendJobMessages([fresh()]), unavailable);
    assert.ok(Date.now() - started < 15_000);
    // What the heartbeat does in the end: the connection is given up, and the same queue goes on with a new one.
    proxy.fault = null;
    proxy.cutAll();
    await through.sendJobMessages([fresh()]);
    await through.close();
    emulator.dropAllMessages();
  });

  test('a broker that is gone is unavailable, and back when it is back', async () => {
    const own = await startServiceBusEmulator({ queues: queueDefinitions() });
    const through = open(own.connectionString);
    await through.sendJobMessages([fresh()]);
    await own.close();
    await assert.rejects(through.sendJobMessages([fresh()]), unavailable);
    await assert.rejects(through.health(), unavailable);
    const restarted = await startServiceBusEmulator({ queues: queueDefinitions(), port: own.port });
    await through.sendJobMessages([fresh()]);
    await through.health();
    await through.close();
    await restarted.close();
  });

  test('an unknown queue and a wrong key are unavailable too', async () => {
    const unknown = open(emulator.connectionString, 'no-such-queue');
    await assert.rejects(unknown.sendJobMessages([fresh()]), unavailable);
    await assert.rejects(unknown.health(), unavailable);
    const wrong = open(emulator.connectionString.replace(/SharedAccessKey=[^;]+/, 'SharedAccessKey=d3Jvbmc='));
    await assert.rejects(wrong.sendJobMessages([fresh()]), unavailable);
    await Promise.all([unknown.close(), wrong.close()]);
  });
});
