import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServiceBusClient } from '@azure/service-bus';
import type { InstantName } from '../../core/instants.ts';
import type { JsonObject } from '../../core/json.ts';
import { ApiClient } from '../../src/cli/client.ts';
import { type Child, startChild } from '../../src/local/stack/child.ts';
import { pickPort } from '../../src/local/stack/ports.ts';
import { taskQueue } from '../../src/local/stack/queues.ts';
import type { HostReady } from '../../src/local/stack/stack.ts';
import { crashStack } from '../tools/crash-stack.ts';
import { eventually } from '../tools/poll.ts';
import { withClient } from '../tools/postgres.ts';

// The real parts, and a host that kills itself (SIGKILL) at a named instant; then another host finds the truth.
const instants: readonly (readonly [InstantName, number])[] = [
  ['job-stored', 1],
  ['job-published', 1],
  ['stage-planned', 1],
  ['tasks-published', 1],
  ['task-claimed', 1],
  ['handler-done', 1],
  ['result-stored', 1],
  ['stage-advanced', 1],
  ['stage-planned', 2],
  ['result-stored', 2],
  ['result-built', 2],
  ['job-finished', 2],
];

const stack = crashStack();

for (const [instant, stage] of instants) {
  test(`kill -9 at ${instant} of stage ${stage}: after a restart the job completes, once`, async () => {
    const parameters = { n: 3, message: `killed at ${instant} ${stage}` };
    await submitToDoomed(`${instant}@${stage}`, parameters);
    await onHealthyHost((client) => expectCompleted(client, parameters));
  });
}

test('kill -9 at retry-stored: after a restart the retry is made, and the job completes, once', async () => {
  const parameters = { n: 3, message: 'killed at retry-stored' };
  await submitToDoomed('retry-stored@1', { ...parameters, failure_rate: 1 });
  const failing = 'input::text LIKE \'%"failure_rate":1%\'';
  const retrying =
    await changed(`UPDATE app.tasks SET input = replace(input::text, '"failure_rate":1', '"failure_rate":0')::json
    WHERE ${failing} RETURNING status`);
  assert.ok(retrying.includes('retrying'), 'it was stored and not sent');
  await onHealthyHost((client) => expectCompleted(client, parameters));
});

test('kill -9 with a lost task marked as sent and not sent: found again later, and the job completes, once', async () => {
  const parameters = { n: 1, message: 'killed at tasks-taken' };
  await submitToDoomed('task-claimed@1', parameters);
  await loseTaskMessage();
  // Upkeep finds the lease that has run out.
  const upkeep = await stack.parts.startHost({ COREMACHINE_CRASH_AT: 'tasks-taken' });
  await upkeep.exited;
  assert.equal(upkeep.process.signalCode, 'SIGKILL');
  // Nobody waits here until the message that was not sent is old.
  const aged = await changed(`UPDATE app.tasks SET sent_at = sent_at - interval '6 minutes'
    WHERE status = 'processing' AND sent_at > lease_until RETURNING status`);
  assert.equal(aged.length, 1);
  await onHealthyHost((client) => expectCompleted(client, parameters));
});

// Three hosts: on a busy machine their starts alone take a minute.
test('kill -9 before and after a completion callback: both jobs are told of', { timeout: 300_000 }, async () => {
  const output = join(stack.folder, 'told.log');
  const startHost = async (env: Readonly<Record<string, string>> = {}) => {
    const port = await pickPort(0);
    return startChild<HostReady>({
      name: 'told host',
      entry: new URL('../tools/told-host.ts', import.meta.url),
      options: { port },
      env: { WEBSITE_HOSTNAME: `127.0.0.1:${port}`, ...stack.parts.settings, ...env },
      output,
    });
  };
  const told = async (message: string) =>
    (await readFile(output, 'utf8'))
      .split('\n')
      .filter((line) => /^TOLD \w+ completed /.test(line) && line.endsWith(` ${message}`)).length;
  const [before, after] = ['before the callback', 'after the callback'];
  await submitTo(await startHost({ COREMACHINE_CRASH_AT: 'job-finished@2' }), { n: 1, message: before });
  await submitTo(await startHost({ COREMACHINE_CRASH_AT: 'callback-called@2' }), { n: 1, message: after });
  await eventually(async () => (await told(after)) === 1);
  assert.equal(await told(before), 0, 'it died before it could tell');
  // Upkeep leaves half a minute to whoever ended the job. Nobody waits for that here.
  const due =
    "UPDATE app.jobs SET completed_at = completed_at - interval '1 minute' WHERE callback_due RETURNING status";
  assert.equal((await changed(due)).length, 2);
  const healthy = await startHost();
  try {
    await eventually(async () => (await told(before)) === 1 && (await told(after)) === 2, { timeoutMs: 90_000 });
    const stillDue = () => changed('SELECT job_id AS status FROM app.jobs WHERE callback_due');
    await eventually(async () => (await stillDue()).length === 0);
  } finally {
    await healthy.stop();
  }
});

/** A host that dies at the moment, with a job. */
async function submitToDoomed(moment: string, parameters: JsonObject): Promise<void> {
  await submitTo(await stack.parts.startHost({ COREMACHINE_CRASH_AT: moment }), parameters);
}

async function submitTo(doomed: Child<HostReady>, parameters: JsonObject): Promise<void> {
  // The host may die before it answers.
  await new ApiClient(doomed.ready.url, doomed.ready.functionKey).submit('hello_world', parameters).catch(() => null);
  await doomed.exited;
  assert.equal(doomed.process.signalCode, 'SIGKILL');
}

async function onHealthyHost(work: (client: ApiClient) => Promise<void>): Promise<void> {
  const healthy = await stack.parts.startHost();
  try {
    await work(new ApiClient(healthy.ready.url, healthy.ready.functionKey));
  } finally {
    await healthy.stop();
  }
}

/** Takes the one message of the tasks queue out of it, as soon as the dead host's lock is over. */
async function loseTaskMessage(): Promise<void> {
  const client = new ServiceBusClient(String(stack.parts.settings.SERVICE_BUS_CONNECTION));
  try {
    const receiver = client.createReceiver(taskQueue, { receiveMode: 'receiveAndDelete' });
    const messages = await receiver.receiveMessages(1, { maxWaitTimeInMs: 20_000 });
    assert.equal(messages.length, 1);
  } finally {
    await client.close();
  }
}

/** The column `status` of what a statement returns. */
function changed(sql: string): Promise<string[]> {
  return withClient(String(stack.parts.settings.DATABASE_URL), async (client) =>
    (await client.query<{ status: string }>(sql)).rows.map(({ status }) => status),
  );
}

async function expectCompleted(
  client: ApiClient,
  parameters: { readonly n: number; readonly message: string },
): Promise<void> {
  // The same parameters are the same job: nothing is created, so it was stored before the crash.
  const again = await client.submit('hello_world', parameters);
  assert.equal(again.idempotent, true);
  const jobId = String(again.job_id);
  const isOver = async () => (await client.status(jobId)).status === 'completed';
  await eventually(isOver, { timeoutMs: 60_000 });
  const job = await client.status(jobId);
  assert.equal(job.run, 1);
  assert.deepEqual((job.result_data as JsonObject).tasks_by_status, { completed: 2 * parameters.n, failed: 0 });
  const { tasks } = await client.request('GET', `jobs/${jobId}/tasks`);
  const states = (tasks as JsonObject[]).map(({ stage: number, task, status }) => `${number}/${task} ${status}`);
  const expected = [1, 2].flatMap((number) =>
    Array.from({ length: parameters.n }, (_, task) => `${number}/${task} completed`),
  );
  assert.deepEqual(states, expected);
}
