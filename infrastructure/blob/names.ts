import { CoreMachineError } from '../../core/errors.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';

const containerPattern = /^(?:\$root|\$web|\$logs|(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*)$/;
const longestName = 1024;
const mostSegments = 254;

/** False for a name that no container can have. */
export function isContainerName(container: string): boolean {
  return containerPattern.test(container);
}

/**
 * False for a name that no blob can have. The `.` and `..` segments are more than a rule of the service: every HTTP
 * client resolves them, so `../other/x` would reach into another container.
 */
export function isBlobName(name: string): boolean {
  if (name.length < 1 || name.length > longestName || !name.isWellFormed() || hasControls(name)) return false;
  const segments = name.split('/');
  return segments.length <= mostSegments && !segments.some((segment) => segment === '.' || segment === '..');
}

/** What cannot exist is not there. */
export function isPossible(ref: BlobRef): boolean {
  return isContainerName(ref.container) && isBlobName(ref.name);
}

/** Throws the code for something that is not there. */
export function assertReadable(ref: BlobRef): void {
  if (!isContainerName(ref.container)) throw noContainer(ref.container);
  if (!isBlobName(ref.name)) throw noBlob(ref);
}

/** Throws INVALID_PARAMETERS for a place where nothing can be written. */
export function assertWritable(ref: BlobRef): void {
  if (!isContainerName(ref.container)) throw invalid(`'${ref.container}' is not a container name`);
  if (!isBlobName(ref.name)) throw invalid(`'${ref.name}' is not a blob name`);
}

export function assertContainerName(container: string): void {
  if (!isContainerName(container)) throw invalid(`'${container}' is not a container name`);
}

/** Metadata travels in HTTP headers: names are identifiers, values printable ASCII. Keys come back in lower case. */
export function assertMetadata(metadata: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(metadata)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) || !/^[\x20-\x7e]*$/.test(value) || value.trim() !== value) {
      throw invalid(`the metadata entry '${key}' cannot be stored`);
    }
  }
}

export function lowerCaseKeys(metadata: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key.toLowerCase(), value]));
}

export function noContainer(container: string, cause?: unknown): CoreMachineError {
  return new CoreMachineError('CONTAINER_NOT_FOUND', `there is no container '${container}'`, { cause });
}

export function noBlob(ref: BlobRef, cause?: unknown): CoreMachineError {
  return new CoreMachineError('FILE_NOT_FOUND', `there is no blob '${ref.name}' in container '${ref.container}'`, {
    cause,
  });
}

function invalid(message: string): CoreMachineError {
  return new CoreMachineError('INVALID_PARAMETERS', message);
}

function hasControls(name: string): boolean {
  for (let index = 0; index < name.length; index += 1) if (name.charCodeAt(index) < 0x20) return true;
  return false;
}
