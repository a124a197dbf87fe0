import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import { isConflict, isDataError, isUnavailable, mapDatabaseError } from '../../infrastructure/postgres/errors.ts';

function databaseError(code: string): pg.DatabaseError {
  const error = new pg.DatabaseError('the text does not matter', 10, 'error');
  error.code = code;
  return error;
}

test('states of the server become DATABASE_UNAVAILABLE, with the driver’s error as their cause', () => {
  const states = {
    '08006': 'connection failure',
    '28P01': 'a token that has run out',
    '3D000': 'no such database',
    '53300': 'too many connections',
    '53100': 'disk full',
    '57P01': 'shut down by the administrator',
    '57P03': 'starting up',
    '57014': 'statement timeout',
    '58030': 'I/O error',
    '25006': 'read-only',
    '25P03': 'idle in transaction',
    '40001': 'serialisation failure',
    '40P01': 'deadlock',
    '55P03': 'lock timeout',
  };
  for (const [state, what] of Object.entries(states)) {
    const cause = databaseError(state);
    const mapped = mapDatabaseError(cause);
    assert.ok(mapped instanceof CoreMachineError, what);
    assert.deepEqual([mapped.code, mapped.retryable, mapped.cause], ['DATABASE_UNAVAILABLE', true, cause], what);
    assert.ok(isUnavailable(mapped));
  }
});

test('a wrong statement and refused data stay what they are', () => {
  for (const state of ['42601', '42P01', '23505', '22P02', '22021', '25P02', 'XX000', 'P0001']) {
    const error = databaseError(state);
    assert.equal(mapDatabaseError(error), error, state);
    assert.ok(!isUnavailable(error));
  }
});

test('errors without an answer of the server are the connection’s, with or without a code', () => {
  const refused = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' });
  const noCode = new Error('some text of the driver');
  for (const error of [refused, Object.assign(new Error('x'), { code: 'ECONNRESET' }), noCode]) {
    const mapped = mapDatabaseError(error);
    assert.ok(mapped instanceof CoreMachineError);
    assert.deepEqual([mapped.code, mapped.cause], ['DATABASE_UNAVAILABLE', error]);
    assert.match(mapped.message, /answer: \S/);
  }
});

test('mistakes in calling the driver, and errors that have a code already, pass through', () => {
  const errors = [new TypeError('x'), new RangeError('x'), new SyntaxError('x'), new CoreMachineError('TIMEOUT', 'x')];
  for (const error of errors) assert.equal(mapDatabaseError(error), error);
});

test('conflicts are known before and after mapping, data errors by their class', () => {
  for (const state of ['40001', '40P01']) {
    assert.ok(isConflict(databaseError(state)));
    assert.ok(isConflict(mapDatabaseError(databaseError(state))));
  }
  assert.ok(!isConflict(databaseError('40002')));
  assert.ok(!isConflict(mapDatabaseError(databaseError('57014'))));
  assert.ok(!isConflict(new Error('deadlock detected')));
  assert.deepEqual(
    ['22021', '23514', '54001', '42601', '40P01', '2F005'].map((state) => isDataError(databaseError(state))),
    [true, true, true, false, false, false],
  );
  assert.ok(!isDataError(new Error('22021')));
});
