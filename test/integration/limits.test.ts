import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '../tools/postgres.ts';
import { program } from '../tools/program.ts';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database?.drop());

const child = fileURLToPath(new URL('limits.child.ts', import.meta.url));

test('100,000 tasks, and a fan-in over 400 MB of their results, in a heap of 128 MB', async () => {
  const { stdout } = await program(process.execPath, ['--max-old-space-size=128', child, database.url]);
  const { status, error, result } = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(status, 'completed', JSON.stringify(error));
  assert.deepEqual(result, {
    job_type: 'wide',
    sum: (100_000 * 99_999) / 2,
    characters: 100_000 * 4096,
    inOrder: true,
    stages_completed: 2,
    total_tasks_executed: 100_001,
    tasks_by_status: { completed: 100_001, failed: 0 },
  });
});
