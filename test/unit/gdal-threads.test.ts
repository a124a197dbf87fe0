import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodingThreads } from '../../infrastructure/gdal/operations/config-options.ts';

test('versions of GDAL that mix up bands when several threads decode decode in one', () => {
  const versions = ['3.5.3', '3.6.0', '3.6.2', '3.6.4', '3.7.0', '3.7.1', '3.12.0dev'];
  assert.deepEqual(versions.map(decodingThreads), ['ALL_CPUS', '1', '1', '1', '1', 'ALL_CPUS', 'ALL_CPUS']);
});
