import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import type { Database } from '../../infrastructure/postgres/database.ts';
import { taskClaims } from '../../infrastructure/postgres/task-batches.ts';

/** A database that hands out every task but number 7, and then is away. */
const brokenAfterClaims = {
  async query(statement: string, [, , , tasks]: readonly number[][]) {
    if (!statement.includes('claim_tasks')) throw new CoreMachineError('DATABASE_UNAVAILABLE', 'away');
    const row = { attempt: 1, input: {}, job_type: 'job', stage_name: 'stage', task_count: 10 };
    const ords = tasks?.flatMap((task, index) => (task === 7 ? [] : [index + 1]));
    return [{ taken: ords?.map((ord) => ({ ...row, ord, task_key: `${ord}` })) }];
  },
} as unknown as Database;

describe('claims in batches', () => {
  test('a task that was claimed stays claimed when asking about another one fails', async () => {
    const claim = taskClaims(brokenAfterClaims);
    const jobId = 'a'.repeat(64);
    const all = [5, 7, 9].map((task) =>
      claim({ ref: { jobId, run: 1, stage: 1, task }, worker: 'w', leaseMs: 1000 }).then(
        ({ kind }) => kind,
        (error: CoreMachineError) => error.code,
      ),
    );
    assert.deepEqual(await Promise.all(all), ['claimed', 'DATABASE_UNAVAILABLE', 'claimed']);
  });
});
