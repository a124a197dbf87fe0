import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ApiClient } from '../../src/cli/client.ts';
import { type StackParts, startParts } from '../../src/local/stack/stack.ts';
import { eventually } from '../tools/poll.ts';
import { testStackOptions } from '../tools/stack.ts';

const impatient = {
  TASK_LEASE_SECONDS: '2',
  PUBLISH_GRACE_SECONDS: '1',
  UPKEEP_REPUBLISH_SCHEDULE: '* * * * * *',
  UPKEEP_LEASES_SCHEDULE: '* * * * * *',
  UPKEEP_STAGES_SCHEDULE: '* * * * * *',
};

let parts: StackParts;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coremachine-grid-'));
  parts = await startParts(await testStackOptions(folder, { env: impatient, lockDurationMs: 3000 }));
});

after(async () => {
  await parts?.stop();
  await rm(folder, { recursive: true, force: true });
});

const parameters = { resolution: 3, exclude_antimeridian: false };

// On PGlite: the cells of a task are written when the host dies, and its result is not.
for (const [instant, run] of [
  ['handler-done@1', 1],
  ['handler-done@2', 2],
] as const) {
  test(`kill -9 at ${instant} of a grid: in the end it has each of its cells once`, async () => {
    const doomed = await parts.startHost({ COREMACHINE_CRASH_AT: instant });
    const submitted = new ApiClient(doomed.ready.url, doomed.ready.functionKey).request(
      'POST',
      `jobs/submit/create_h3_base${run > 1 ? '?force=true' : ''}`,
      parameters,
    );
    // The host may die before it answers.
    await submitted.catch(() => null);
    await doomed.exited;
    assert.equal(doomed.process.signalCode, 'SIGKILL');
    const healthy = await parts.startHost();
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
