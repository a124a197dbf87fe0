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

// The second: results of 1 MiB that the database stores in 12 kB each, and a page of what it stores would be all of them.
for (const [what, tasks, repeats] of [
  ['100,000 tasks, and a fan-in over 400 MB of their results', 100_000, 128],
  ['a fan-in over 350 results of nearly 1 MiB that compress well', 350, 32_760],
] as const) {
  test(`${what}, in a heap of 128 MB`, async () => {
    const options = ['--max-old-space-size=128', child, database.url, String(tasks), String(repeats)];
    const { stdout } = await program(process.execPath, options);
    const { status, error, result } = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(status, 'completed', JSON.stringify(error));
    assert.deepEqual(result, {
      job_type: 'wide',
      sum: (tasks * (tasks - 1)) / 2,
      characters: tasks * repeats * 32,
      inOrder: true,
      stages_completed: 2,
      total_tasks_executed: tasks + 1,
      tasks_by_status: { completed: tasks + 1, failed: 0 },
    });
  });
}
