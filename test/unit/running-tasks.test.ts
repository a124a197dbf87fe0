import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunningTasks } from '../../src/running-tasks.ts';

test('closing waits for the tasks that run, failed ones too, and not for ever', async () => {
  const tasks = new RunningTasks();
  await tasks.settled(60_000);
  const { promise, resolve: finish } = Promise.withResolvers<void>();
  const slow = tasks.run(promise);
  const failing = tasks.run(Promise.reject(new Error('failed')));
  await assert.rejects(failing);
  await tasks.settled(20);
  let settled = false;
  const waiting = tasks.settled(60_000).then(() => {
    settled = true;
  });
  await Promise.resolve();
  assert.equal(settled, false);
  finish();
  await Promise.all([slow, waiting]);
  assert.equal(settled, true);
});
