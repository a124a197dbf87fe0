import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { cacheFolder } from './paths.ts';
import { note } from './step.ts';

const lockFile = join(cacheFolder, 'setup.lock');

/** Lets one set-up of this clone run at a time; the others wait for it and then find everything done. */
export async function withSetupLock<T>(work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(lockFile), { recursive: true });
  let told = false;
  while (!take()) {
    const owner = ownerOfLock();
    if (owner === null) continue;
    if (!told) note(`Waiting for another set-up (process ${owner}) to end …`);
    told = true;
    await wait(200);
  }
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function take(): boolean {
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

/** The process that holds the lock; null when it is gone, and then its lock is gone too. */
function ownerOfLock(): number | null {
  try {
    const owner = Number(readFileSync(lockFile, 'utf8'));
    process.kill(owner, 0);
    return owner;
  } catch (error) {
    if (hasCode(error, 'ESRCH')) rmSync(lockFile, { force: true });
    return null;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
