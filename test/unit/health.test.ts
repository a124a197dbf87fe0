import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import { checkHealth } from '../../src/health.ts';

test('a component that hangs or throws is down; the others answer all the same', async () => {
  const started = performance.now();
  const [up, hanging, broken] = await checkHealth(
    [
      { name: 'database', check: async () => ({ version: '18' }) },
      { name: 'blob', check: () => new Promise<never>(() => {}) },
      {
        name: 'service_bus',
        check: async () => {
          throw new CoreMachineError('QUEUE_UNAVAILABLE', 'no answer');
        },
      },
    ],
    50,
  );
  assert.ok(performance.now() - started < 1000);
  assert.deepEqual([up?.status, up?.version], ['up', '18']);
  assert.deepEqual([hanging?.status, hanging?.message], ['down', 'no answer within 50 ms']);
  assert.deepEqual([broken?.status, broken?.error], ['down', 'QUEUE_UNAVAILABLE']);
});
