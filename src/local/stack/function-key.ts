import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The API's key of a data folder, made when first asked for: what a user noted of one start holds for the next. */
export async function functionKeyOf(dataFolder: string): Promise<string> {
  const file = join(dataFolder, 'function-key');
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (kept.trim()) return kept.trim();
  const key = randomFunctionKey();
  // Renamed, so that a start that dies here leaves no half of a key.
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, `${key}\n`, { mode: 0o600 });
  await rename(unfinished, file);
  return key;
}

export function randomFunctionKey(): string {
  return randomBytes(24).toString('base64url');
}
