import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreMachineError, toCoreMachineError } from '../../core/errors.ts';

test('what is stored of an error holds no credential that its message had', () => {
  const thrown = new Error('GET https://account.blob.core.windows.net/a/b.tif?sv=1&sig=abc%2B123 answered 403');
  assert.equal(
    toCoreMachineError(thrown, 'HANDLER_FAILED').toRecord().message,
    'GET https://account.blob.core.windows.net/a/b.tif?sv=1&sig=*** answered 403',
  );
  const details = [{ path: 'source', message: 'postgres://user:secret@host/db is away' }];
  assert.deepEqual(new CoreMachineError('INVALID_PARAMETERS', 'wrong', { details }).toRecord().details, [
    { path: 'source', message: 'postgres://user:***@host/db is away' },
  ]);
});
