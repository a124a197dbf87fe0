import { RestError } from '@azure/storage-blob';
import { CoreMachineError } from '../../core/errors.ts';
import { noBlob, noContainer } from './names.ts';

/** What an operation was about; without a name it was about the container. */
export interface Target {
  readonly container: string;
  readonly name?: string;
}

/** A file of this machine could not be written, e.g. the disk is full: not the storage's fault. */
export class LocalFileError extends Error {
  constructor(cause: unknown) {
    super('a local file could not be written', { cause });
  }
}

/** Status codes after which the same request may succeed. */
const transientStatus: ReadonlySet<number> = new Set([408, 409, 412, 429]);

/**
 * An error of the SDK as one of ours, by status and error code only. CONTAINER_NOT_FOUND and FILE_NOT_FOUND for the
 * service's 404; STORAGE_DENIED for refused credentials; FILE_UNREADABLE for an archived blob; STORAGE_UNAVAILABLE for
 * whatever may pass; INTERNAL for requests the service calls malformed. An aborted signal's reason goes before all.
 */
export function toStorageError(error: unknown, target: Target, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof LocalFileError) return error.cause;
  if (error instanceof CoreMachineError) return error;
  const status = statusOf(error);
  const code = codeOf(error);
  const about = target.name === undefined ? target.container : `${target.container}/${target.name}`;
  const detail = `${about}: ${[status, code].filter(Boolean).join(' ') || messageOf(error)}`;
  if (status === 404) return notFound(target, code, error);
  if (status === 401 || status === 403 || isRefusedSignIn(error, status))
    return failure('STORAGE_DENIED', detail, error);
  if (code === 'BlobArchived') return failure('FILE_UNREADABLE', `${about} is in the archive tier`, error);
  if (status !== undefined && status < 500 && !transientStatus.has(status)) return failure('INTERNAL', detail, error);
  if (status === undefined && isLocalPath(error)) return error;
  return failure('STORAGE_UNAVAILABLE', detail, error);
}

/** Can the same request succeed in a moment? False when the service understood it and said no. */
export function isTransient(error: unknown): boolean {
  if (error instanceof LocalFileError) return false;
  const status = statusOf(error);
  return status === undefined || status >= 500 || status === 408 || status === 429;
}

/** A request with a condition, and what it is about is another thing by now. */
export function isConditionNotMet(error: unknown): boolean {
  return statusOf(error) === 412 && codeOf(error) === 'ConditionNotMet';
}

function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** The service's error code. Answers to HEAD have no body: there it is only in the header. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof RestError)) return undefined;
  return error.response?.headers.get('x-ms-error-code') ?? error.code;
}

function notFound(target: Target, code: string | undefined, error: unknown): CoreMachineError {
  const { container, name } = target;
  if (name === undefined || code === 'ContainerNotFound') return noContainer(container, error);
  return noBlob({ container, name }, error);
}

/** The directory answered, and gave no token; that it did not answer may pass. */
function isRefusedSignIn(error: unknown, status: number | undefined): boolean {
  return error instanceof Error && error.name === 'AuthenticationError' && status !== undefined && status < 500;
}

/** The SDK could not read the file it was to upload. */
function isLocalPath(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException | null)?.path === 'string';
}

function failure(
  code: 'STORAGE_DENIED' | 'STORAGE_UNAVAILABLE' | 'FILE_UNREADABLE' | 'INTERNAL',
  message: string,
  cause: unknown,
): CoreMachineError {
  return new CoreMachineError(code, message, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
