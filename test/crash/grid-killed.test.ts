import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiClient } from '../../src/cli/client.ts';
import { crashStack } from '../tools/crash-stack.ts';
import { eventually } from '../tools/poll.ts';

const stack = crashStack();

const parameters = { resolution: 3, exclude_antimeridian: false };

// On PGlite: the cells of a task are written when the host dies, and its result is not.
for (const [instant, run] of [
  ['handler-done@1', 1],
  ['handler-done@2', 2],
] as const) {
  test(`kill -9 at ${instant} of a grid: in the end it has each of its cells once`, async () => {
    const doomed = await stack.parts.startHost({ COREMACHINE_CRASH_AT: instant });
    const submitted = new ApiClient(doomed.ready.url, doomed.ready.functionKey).request(
      'POST',
      `jobs/submit/create_h3_base${run > 1 ? '?force=true' : ''}`,
      parameters,
    );
    // The host may die before it answers.
    await submitted.catch(() => null);
    await doomed.exited;
    assert.equal(doomed.process.signalCode, 'SIGKILL');
    const healthy = await stack.parts.startHost();
    try {
      const client = new ApiClient(healthy.ready.url, healthy.ready.functionKey);
      const jobId = String((await client.submit('create_h3_base', parameters)).job_id);
      await eventually(async () => (await client.status(jobId)).status === 'completed', { timeoutMs: 90_000 });
      const job = await client.status(jobId);
      assert.equal(job.run, run);
      const result = job.result_data as { total_cells: number; tasks_by_status: unknown };
      // Counted in the table by the last task, which also compares it with what the others wrote.
      assert.equal(result.total_cells, 41_162);
      assert.deepEqual(result.tasks_by_status, { completed: 123, failed: 0 });
    } finally {
      await healthy.stop();
    }
  });
}
