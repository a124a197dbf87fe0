import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { cacheFolder } from './paths.ts';
import { note } from './step.ts';

const setupLock = join(cacheFolder, 'setup.lock');

/** Lets one set-up of this clone run at a time; the others wait for it and then find everything done. */
export async function withSetupLock<T>(work: () => Promise<T>, lockFile = setupLock): Promise<T> {
  mkdirSync(dirname(lockFile), { recursive: true });
  let told = '';
  while (!take(lockFile)) {
    const owner = ownerOf(lockFile);
    if (owner !== null && isGone(owner)) removeStale(lockFile, owner);
    else if (owner !== null && owner !== told) {
      note(`Waiting for another set-up (process ${owner}) to end …`);
      told = owner;
    }
    await wait(200);
  }
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function take(lockFile: string): boolean {
  // Linked from a finished file: a lock is never seen without its owner inside.
  const mine = `${lockFile}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, lockFile);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** The process that holds the lock; null when there is no lock any more. */
function ownerOf(lockFile: string): string | null {
  try {
    return readFileSync(lockFile, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Of a process that may not be asked (EPERM) it is known that it lives. */
function isGone(owner: string): boolean {
  const pid = Number(owner);
  if (!Number.isSafeInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return hasCode(error, 'ESRCH');
  }
}

/**
 * Removes the lock of a process that is gone. Under a lock of its own, for between the look and the removal another may
 * have removed it and taken a new one.
 */
function removeStale(lockFile: string, owner: string): void {
  const guard = `${lockFile}.of-${Number(owner)}`;
  if (take(guard)) {
    if (ownerOf(lockFile) === owner && isGone(owner)) rmSync(lockFile);
    rmSync(guard);
    return;
  }
  const other = ownerOf(guard);
  if (other !== null && isGone(other)) removeStale(guard, other);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
