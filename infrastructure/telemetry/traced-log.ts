import type { Log, LogFields } from '../../core/log.ts';
import { runIds } from './span-ids.ts';

/** A log whose lines about a job's run also carry its `traceId`, so that logs and traces find each other. */
export function tracedLog(log: Log, bound: LogFields = {}): Log {
  const traced = (fields: LogFields = {}): LogFields => ({ ...fields, ...traceOf({ ...bound, ...fields }) });
  return {
    info: (event, fields) => log.info(event, traced(fields)),
    warn: (event, fields) => log.warn(event, traced(fields)),
    error: (event, fields) => log.error(event, traced(fields)),
    with: (fields) => tracedLog(log.with(fields), { ...bound, ...fields }),
  };
}

function traceOf({ jobId, run }: LogFields): LogFields {
  return typeof jobId === 'string' && typeof run === 'number' ? { traceId: runIds({ jobId, run }).traceId } : {};
}
