import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpl } from '../../infrastructure/gdal/cpl-numbers.ts';
import { failureCode } from '../../infrastructure/gdal/failure-code.ts';
import { parseReports } from '../../infrastructure/gdal/operations/cpl-log.ts';
import type { CplReport, FailurePhase } from '../../infrastructure/gdal/protocol.ts';

const error = (number: number): CplReport => ({ level: 'error', number, message: '' });

test('the class of a failure follows from where it was and from the numbers reported', () => {
  const cases: readonly (readonly [FailurePhase, readonly number[], string])[] = [
    ['open', [cpl.openFailed], 'FILE_UNREADABLE'],
    ['open', [], 'FILE_UNREADABLE'],
    ['open', [cpl.httpResponse], 'STORAGE_UNAVAILABLE'],
    ['open', [cpl.objectNotFound], 'FILE_NOT_FOUND'],
    ['open', [cpl.bucketNotFound], 'CONTAINER_NOT_FOUND'],
    ['open', [cpl.invalidCredentials], 'STORAGE_DENIED'],
    ['open', [cpl.outOfMemory], 'GDAL_FAILED'],
    ['read', [cpl.appDefined, cpl.fileIo], 'FILE_UNREADABLE'],
    ['read', [cpl.httpResponse, cpl.appDefined], 'STORAGE_UNAVAILABLE'],
    ['run', [cpl.notSupported], 'RASTER_UNSUPPORTED'],
    ['run', [cpl.illegalArgument, cpl.appDefined], 'RASTER_UNSUPPORTED'],
    ['run', [cpl.fileIo], 'GDAL_FAILED'],
    ['run', [cpl.outOfMemory, cpl.notSupported], 'GDAL_FAILED'],
    ['run', [], 'GDAL_FAILED'],
    ['refused', [cpl.httpResponse], 'RASTER_UNSUPPORTED'],
  ];
  for (const [phase, numbers, code] of cases) {
    assert.equal(failureCode({ phase, reports: numbers.map(error) }), code, `${phase} ${numbers}`);
  }
});

test('warnings make no class', () => {
  const reports: CplReport[] = [{ level: 'warning', number: cpl.notSupported, message: '' }];
  assert.equal(failureCode({ phase: 'run', reports }), 'GDAL_FAILED');
});

test("GDAL's reports are read line by line; what follows a report belongs to it", () => {
  const text = [
    'a line of some library before anything',
    'Warning 1: odd',
    'ERROR 4: no such file',
    '  really not',
    '',
    'ERROR 11: HTTP response code: 404',
    '',
  ].join('\n');
  assert.deepEqual(parseReports(text), [
    { level: 'warning', number: 1, message: 'odd' },
    { level: 'error', number: 4, message: 'no such file really not' },
    { level: 'error', number: 11, message: 'HTTP response code: 404' },
  ]);
  assert.deepEqual(parseReports(''), []);
});
