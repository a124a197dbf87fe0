import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BlobRef, BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { testStorage, uniqueContainerName } from '../tools/azurite.ts';

const binary = { contentType: 'application/octet-stream' };
const container = uniqueContainerName('turns');
const large: BlobRef = { container, name: 'large.bin' };
const small: BlobRef = { container, name: 'small.bin' };
const content = randomBytes(20 * 1024 * 1024);

let store: BlobStore;
let folder: string;
before(async () => {
  store = openBlobStore({ connection: await testStorage() });
  folder = await mkdtemp(join(tmpdir(), 'coremachine-turns-'));
  await store.upload(large, content, binary);
  await store.upload(small, content.subarray(0, 1000), binary);
});
after(() => rm(folder, { recursive: true, force: true }));

const fileOf = (name: string | number) => join(folder, String(name));

test('of many large downloads two are on their way at once, in the order in which they were asked for', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const download = async (number: number) => {
    const onProgress = () => {
      if (begun.includes(number)) return;
      begun.push(number);
      assert.ok(begun.length - ended.length <= 2, `${begun.length} began, ${ended.length} ended`);
    };
    await store.download(large, fileOf(number), { onProgress });
    ended.push(number);
  };
  const numbers = [0, 1, 2, 3, 4, 5];
  await Promise.all(numbers.map(download));
  assert.deepEqual([...begun.slice(2)].sort(), [2, 3, 4, 5]);
  for (const number of numbers) assert.deepEqual(await readFile(fileOf(number)), content);
});

test('a small one does not wait for large ones, and one that is given up leaves the line', async () => {
  const holding = Array.from({ length: 12 }, () => new AbortController());
  const ended: string[] = [];
  const downloads = holding.map(({ signal }, index) =>
    store.download(large, fileOf(`held-${index}`), { signal }).finally(() => ended.push('large')),
  );
  const given = Promise.allSettled(downloads);
  const waiting = new AbortController();
  const waiter = store.download(large, fileOf('waiting'), { signal: waiting.signal });
  const reason = new Error('enough');
  const refused = assert.rejects(waiter, (error) => error === reason);
  await store.download(small, fileOf('small'));
  assert.ok(ended.length < holding.length, 'all large ones went before it');
  for (const controller of [waiting, ...holding]) controller.abort(reason);
  await Promise.all([refused, given]);
  await store.download(large, fileOf('later'));
  assert.deepEqual(
    (await readdir(folder)).filter((name) => /held|waiting/.test(name)),
    [],
  );
});
