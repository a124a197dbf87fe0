import { CoreMachineError } from '../../core/errors.ts';

/** Whatever the SDK throws as QUEUE_UNAVAILABLE: the caller can only try later. The SDK's own code is in the message. */
export function toQueueError(error: unknown, queue: string): CoreMachineError {
  if (error instanceof CoreMachineError) return error;
  const last = lastOf(error);
  const code = (last as { code?: unknown } | null)?.code;
  const text = last instanceof Error ? last.message.slice(0, 300) : String(last);
  const reason = typeof code === 'string' ? `${code}: ${text}` : text;
  return new CoreMachineError('QUEUE_UNAVAILABLE', `queue ${queue}: ${reason}`, { cause: error });
}

/** The SDK throws all its tries together; the last one tells how things stand. */
function lastOf(error: unknown): unknown {
  return error instanceof AggregateError ? (error.errors.at(-1) ?? error) : error;
}
