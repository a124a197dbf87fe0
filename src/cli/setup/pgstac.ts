import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './paths.ts';
import { ensureVenv, pip } from './python.ts';
import { note, step } from './step.ts';

/** pgSTAC ships its SQL inside the Python package pypgstac; both files are pinned by their SHA-256. */
export const pgstacVersion = '0.9.11';
const wheelHash = '6aecbdf4b8b6bce61d2339ecea860db9d6e39272091dc16a8cd81ee20a921630';
const sqlHash = '4b54796965449714a343f523b7bd9e6d782b386f4d4f67a3a4724f164bca92d4';

const folder = join(cacheFolder, 'pgstac');
const sqlFile = join(folder, `pgstac.${pgstacVersion}.sql`);
const unavailableMark = join(folder, 'unavailable');
const retryAfterMs = 60 * 60 * 1000;

/**
 * Path of pgSTAC's SQL, fetched when it is not there yet. Null when it cannot be had: a line says so, and the project's
 * small STAC schema takes its place. It is then tried again after an hour.
 */
export async function ensurePgstacSql(): Promise<string | null> {
  if (isRight(sqlFile)) return sqlFile;
  if (triedLately()) return smallSchema();
  mkdirSync(folder, { recursive: true });
  try {
    await ensureVenv();
    await step(`Getting pgSTAC ${pgstacVersion} from the Python package pypgstac`, fetchSql);
    rmSync(unavailableMark, { force: true });
    return sqlFile;
  } catch (error) {
    writeFileSync(unavailableMark, error instanceof Error ? error.message : String(error));
    return smallSchema();
  }
}

async function fetchSql(): Promise<void> {
  const unpacked = join(folder, 'wheel');
  const pinned = join(folder, 'requirements.txt');
  rmSync(unpacked, { recursive: true, force: true });
  writeFileSync(pinned, `pypgstac==${pgstacVersion} --hash=sha256:${wheelHash}\n`);
  // Only the SQL is used, so the Python versions that the package supports do not matter.
  const options = ['--no-deps', '--no-compile', '--ignore-requires-python', '--require-hashes', '--retries', '2'];
  await pip(['install', ...options, '--target', unpacked, '-r', pinned], 'pgstac');
  copyFileSync(join(unpacked, `pypgstac/migrations/pgstac.${pgstacVersion}.sql`), sqlFile);
  rmSync(unpacked, { recursive: true, force: true });
  if (!isRight(sqlFile)) throw new Error(`${sqlFile} is not the file that was pinned.`);
}

function isRight(file: string): boolean {
  return existsSync(file) && createHash('sha256').update(readFileSync(file)).digest('hex') === sqlHash;
}

function triedLately(): boolean {
  return existsSync(unavailableMark) && Date.now() - statSync(unavailableMark).mtimeMs < retryAfterMs;
}

function smallSchema(): null {
  note(`pgSTAC could not be fetched (${unavailableMark} says why): the small STAC schema is used instead.`);
  return null;
}
