import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { python } from '../tools/python.ts';
import { queueDefaults, setup } from './tools.ts';

test("Python's azure-servicebus: batch, schedule, peek, renew, complete, abandon, dead-letter", async (context) => {
  const t = await setup({ queues: [{ ...queueDefaults, name: 'q', lockDurationMs: 30_000 }] });
  context.after(() => t.close());
  const script = fileURLToPath(new URL('python_client.py', import.meta.url));
  const { stdout } = await python([script, t.emulator.connectionString, 'q']);
  assert.deepEqual(JSON.parse(stdout), {
    peeked: ['abandon', 'complete', 'dead', 'scheduled'],
    properties: { n: 7 },
    rest: [
      ['abandon', 1],
      ['scheduled', 0],
    ],
    dead: [['dead', 'bad']],
  });
  assert.equal(t.emulator.broker.find('q')?.counts().total, 0);
});
