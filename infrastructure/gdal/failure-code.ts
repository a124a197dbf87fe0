import type { ErrorCode } from '../../core/errors.ts';
import { cpl } from './cpl-numbers.ts';
import type { CplReport, Failure } from './protocol.ts';

const storageCodes: Readonly<Record<number, ErrorCode>> = {
  [cpl.httpResponse]: 'STORAGE_UNAVAILABLE',
  [cpl.bucketNotFound]: 'CONTAINER_NOT_FOUND',
  [cpl.objectNotFound]: 'FILE_NOT_FOUND',
  [cpl.accessDenied]: 'STORAGE_DENIED',
  [cpl.invalidCredentials]: 'STORAGE_DENIED',
  [cpl.signatureDoesNotMatch]: 'STORAGE_DENIED',
};

const refusals: ReadonlySet<number> = new Set([cpl.illegalArgument, cpl.notSupported]);

/**
 * The class of a failure, by where it happened and by the class numbers of GDAL's own reports.
 *
 * | where   | storage number   | out of memory | illegal argument, not supported | anything else    |
 * |---------|------------------|---------------|---------------------------------|------------------|
 * | open    | its storage code | GDAL_FAILED   | FILE_UNREADABLE                 | FILE_UNREADABLE  |
 * | read    | its storage code | GDAL_FAILED   | FILE_UNREADABLE                 | FILE_UNREADABLE  |
 * | refused | RASTER_UNSUPPORTED whatever was reported                                              ||||
 * | run     | its storage code | GDAL_FAILED   | RASTER_UNSUPPORTED              | GDAL_FAILED      |
 */
export function failureCode(failure: Pick<Failure, 'phase' | 'reports'>): ErrorCode {
  if (failure.phase === 'refused') return 'RASTER_UNSUPPORTED';
  const numbers = errorNumbers(failure.reports);
  const storage = numbers.map((number) => storageCodes[number]).findLast((code) => code !== undefined);
  if (storage) return storage;
  if (numbers.includes(cpl.outOfMemory)) return 'GDAL_FAILED';
  if (failure.phase !== 'run') return 'FILE_UNREADABLE';
  return numbers.some((number) => refusals.has(number)) ? 'RASTER_UNSUPPORTED' : 'GDAL_FAILED';
}

function errorNumbers(reports: readonly CplReport[]): readonly number[] {
  return reports.filter((report) => report.level === 'error').map((report) => report.number);
}
