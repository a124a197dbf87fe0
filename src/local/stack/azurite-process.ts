import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { growHeapFreely } from '../../heap-growth.ts';
import { childOptions, keeperReady } from './child.ts';
import { indexesSaved, saveIndexesPromptly } from './prompt-saves.ts';
import { requireSoleUse } from './sole-user.ts';

export interface AzuriteOptions {
  /** Folder of the blobs; null: one that goes when the process does. */
  readonly folder: string | null;
  readonly port: number;
}

/** Azurite's published development account; the key is the same everywhere and protects nothing. */
const account = 'devstoreaccount1';
const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const options = await childOptions<AzuriteOptions>();
if (options.folder) {
  await requireSoleUse(options.folder);
  saveIndexesPromptly();
}
const storage = ['--location', options.folder ?? passingFolder()];
const flags = [
  '--blobHost',
  '127.0.0.1',
  '--blobPort',
  String(options.port),
  '--skipApiVersionCheck',
  '--disableTelemetry',
];
process.argv.splice(2, Number.POSITIVE_INFINITY, ...flags, ...storage);

// Azurite says in its output when it listens and when it has closed; its own handlers react to SIGTERM.
const closed = Promise.withResolvers<void>();
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (chunk: string | Uint8Array, ...rest: never[]): boolean => {
  const port = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(String(chunk))?.[1];
  if (port) {
    keeperReady({ connectionString: connectionString(port) }, () => closed.promise.then(indexesSaved));
    setImmediate(leaveInterruptsToParent);
  }
  if (String(chunk).includes('successfully closed')) closed.resolve();
  return write(chunk, ...rest);
};
growHeapFreely();
createRequire(import.meta.url)('azurite/dist/src/blob/main.js');

/**
 * Not Azurite's own memory: there each blob is an extent, and with more than a thousand of them its clean-up of old extents,
 * ten minutes after the start, never ends and nothing is answered any more (Azurite 3.37).
 */
function passingFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'coremachine-blobs-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Azurite would close on the terminal's Ctrl-C, while the host still drains. */
function leaveInterruptsToParent(): void {
  process.removeAllListeners('SIGINT');
  process.on('SIGINT', () => {});
}

function connectionString(port: string): string {
  return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=http://127.0.0.1:${port}/${account};`;
}
