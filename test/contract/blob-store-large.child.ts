/**
 * Uploads and downloads one file in a process of its own and prints by how much its memory grew: the peak after the
 * work minus the peak after the same work on a small file. Arguments: folder, MiB, container. STORAGE names the account.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished, pipeline } from 'node:stream/promises';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';

const [folder = '', megabytes = '', container = ''] = process.argv.slice(2);
const store = openBlobStore({ connection: process.env.STORAGE ?? '' });
const ref = { container, name: 'large.bin' };

async function thereAndBack(size: number): Promise<void> {
  const [source, copy] = [join(folder, 'source'), join(folder, 'copy')];
  const expected = await write(source, size);
  await store.upload(ref, source, { contentType: 'application/octet-stream' });
  await store.download(ref, copy);
  assert.equal(await hashOf(copy), expected);
}

async function write(file: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  const stream = createWriteStream(file);
  for (let written = 0; written < size; written += 1) {
    const block = randomBytes(1024 * 1024);
    hash.update(block);
    if (!stream.write(block)) await once(stream, 'drain');
  }
  stream.end();
  await finished(stream);
  return hash.digest('hex');
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

const peak = () => process.resourceUsage().maxRSS / 1024;

await thereAndBack(16);
const before = peak();
await thereAndBack(Number(megabytes));
process.stdout.write(JSON.stringify({ before, after: peak() }));
