import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstantName } from '../../core/instants.ts';
import type { JsonObject } from '../../core/json.ts';
import { ApiClient } from '../../src/cli/client.ts';
import { crashStack } from '../tools/crash-stack.ts';
import { eventually } from '../tools/poll.ts';

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
    const doomed = await stack.parts.startHost({ COREMACHINE_CRASH_AT: `${instant}@${stage}` });
    const parameters = { n: 3, message: `killed at ${instant} ${stage}` };
    // The host may die before it answers.
    await new ApiClient(doomed.ready.url, doomed.ready.functionKey).submit('hello_world', parameters).catch(() => null);
    await doomed.exited;
    assert.equal(doomed.process.signalCode, 'SIGKILL');
    const healthy = await stack.parts.startHost();
    try {
      await expectCompleted(new ApiClient(healthy.ready.url, healthy.ready.functionKey), parameters);
    } finally {
      await healthy.stop();
    }
  });
}

async function expectCompleted(client: ApiClient, parameters: JsonObject): Promise<void> {
  // The same parameters are the same job: nothing is created, so it was stored before the crash.
  const again = await client.submit('hello_world', parameters);
  assert.equal(again.idempotent, true);
  const jobId = String(again.job_id);
  const isOver = async () => (await client.status(jobId)).status === 'completed';
  await eventually(isOver, { timeoutMs: 60_000 });
  const job = await client.status(jobId);
  assert.equal(job.run, 1);
  assert.deepEqual((job.result_data as JsonObject).tasks_by_status, { completed: 6, failed: 0 });
  const { tasks } = await client.request('GET', `jobs/${jobId}/tasks`);
  const states = (tasks as JsonObject[]).map(({ stage: number, task, status }) => `${number}/${task} ${status}`);
  const expected = [1, 2].flatMap((number) => [0, 1, 2].map((task) => `${number}/${task} completed`));
  assert.deepEqual(states, expected);
}
