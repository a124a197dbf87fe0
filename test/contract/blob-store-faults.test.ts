import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import type { ErrorCode } from '../../core/errors.ts';
import type { BlobRef, BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { readRange } from '../../infrastructure/blob/ranges.ts';
import { toStorageError } from '../../infrastructure/blob/storage-error.ts';
import { testStorage, uniqueContainerName } from '../tools/azurite.ts';
import { FaultyProxy } from '../tools/faulty-proxy.ts';
import { rejectsWith } from './blob-store.ts';

const binary = { contentType: 'application/octet-stream' };
const megabyte = 1024 * 1024;
const container = uniqueContainerName('faults');
const big: BlobRef = { container, name: 'big.bin' };
const content = randomBytes(24 * megabyte);

let connection: string;
let direct: BlobStore;
let folder: string;

before(async () => {
  connection = await testStorage();
  direct = openBlobStore({ connection });
  folder = await mkdtemp(join(tmpdir(), 'coremachine-blob-faults-'));
  await direct.upload(big, content, binary);
});
after(() => rm(folder, { recursive: true, force: true }));

/** The same account behind another port. */
function atPort(port: number): string {
  return connection.replace(/(BlobEndpoint=http:\/\/127\.0\.0\.1:)\d+/, `$1${port}`);
}

async function behindProxy(stallMs = 60_000): Promise<{ proxy: FaultyProxy; store: BlobStore }> {
  const proxy = await FaultyProxy.to(Number(/BlobEndpoint=http:\/\/127\.0\.0\.1:(\d+)/.exec(connection)?.[1]));
  return { proxy, store: openBlobStore({ connection: atPort(proxy.port), stallMs }) };
}

describe('blob store on a bad network', { concurrency: true }, () => {
  for (const fault of [
    { name: 'cut', how: 'cut', afterBytes: 1.7 * megabyte, times: 12 },
    { name: 'cut each time before enough had come for a write', how: 'cut', afterBytes: 0.6 * megabyte, times: 36 },
    { name: 'stalled', how: 'stall', afterBytes: 1.7 * megabyte, times: 4 },
  ] as const) {
    test(`a download goes on where a connection was ${fault.name}`, async (context) => {
      const { proxy, store } = await behindProxy(fault.how === 'cut' ? 60_000 : 2500);
      context.after(() => proxy.close());
      proxy.fault = fault;
      const file = join(folder, fault.name);
      const progress: number[] = [];
      await store.download(big, file, { onProgress: (bytes) => progress.push(bytes) });
      assert.ok((await readFile(file)).equals(content));
      assert.equal(progress.at(-1), content.length);
      assert.equal(proxy.struck, fault.times);
    });
  }

  test('reading into memory survives a cut connection', async (context) => {
    const { proxy, store } = await behindProxy();
    context.after(() => proxy.close());
    proxy.fault = { how: 'cut', afterBytes: megabyte };
    const bytes = await store.read(big, { offset: megabyte, length: 3 * megabyte });
    assert.ok(content.subarray(megabyte, 4 * megabyte).equals(bytes));
    assert.ok(proxy.struck >= 2);
  });

  test('a storage that is gone is unavailable, never "not there"', async () => {
    const { proxy, store } = await behindProxy();
    await proxy.close();
    const unavailable = rejectsWith('STORAGE_UNAVAILABLE');
    await Promise.all([
      assert.rejects(store.containerExists(container), unavailable),
      assert.rejects(store.ensureContainer(container), unavailable),
      assert.rejects(store.properties(big), unavailable),
      assert.rejects(store.delete(big), unavailable),
      assert.rejects(store.read(big), unavailable),
      assert.rejects(store.upload(big, Buffer.from('x'), binary), unavailable),
      assert.rejects(async () => {
        for await (const _ of store.list(container)) assert.fail('listed');
      }, unavailable),
    ]);
  });

  test('a storage that goes away in the middle leaves no half file', async (context) => {
    const { proxy, store } = await behindProxy();
    context.after(() => proxy.close());
    proxy.fault = { how: 'cut', afterBytes: 3 * megabyte };
    const file = join(folder, 'half');
    let closing: Promise<void> | undefined;
    const download = store.download(big, file, {
      onProgress: () => {
        closing ??= proxy.close();
      },
    });
    await assert.rejects(download, rejectsWith('STORAGE_UNAVAILABLE'));
    await closing;
    await assert.rejects(access(file));
  });

  test('aborting in the middle gives the reason at once and leaves nothing', async () => {
    const reason = new Error('enough');
    const isReason = (error: unknown) => error === reason;
    const file = join(folder, 'aborted');
    const aborted = () => {
      const controller = new AbortController();
      return { signal: controller.signal, onProgress: () => controller.abort(reason) };
    };
    await assert.rejects(direct.download(big, file, aborted()), isReason);
    await assert.rejects(access(file));
    const source = join(folder, 'source');
    await writeFile(source, content);
    const ref = { container, name: 'aborted' };
    await assert.rejects(direct.upload(ref, source, { ...binary, ...aborted() }), isReason);
    assert.equal(await direct.properties(ref), null);
  });

  test('an error on this side is not blamed on the storage, and not tried again', async () => {
    const file = join(folder, 'local-error');
    const full = new Error('no space left on device');
    let calls = 0;
    const onProgress = (bytes: number) => {
      if (bytes < 3 * megabyte) return;
      calls += 1;
      throw full;
    };
    await assert.rejects(direct.download(big, file, { onProgress }), (error) => error === full);
    assert.ok(calls <= 4, `written ${calls} times after the error`);
    await assert.rejects(access(file));
    await assert.rejects(direct.download(big, folder), { code: 'EISDIR' });
  });

  test('an upload survives cut connections', async (context) => {
    const { proxy, store } = await behindProxy();
    context.after(() => proxy.close());
    // The blob was stored, the answer is lost: it is sent again, three times.
    proxy.fault = { how: 'cut', afterBytes: 0, times: 3 };
    const source = join(folder, 'upload');
    await writeFile(source, content);
    const ref = { container, name: 'uploaded' };
    await store.upload(ref, source, binary);
    assert.ok(content.equals(await direct.read(ref)));
    assert.equal(proxy.struck, 3);
  });

  test('a blob that is replaced while it is read is not mixed with its successor', async () => {
    const ref = { container, name: 'replaced' };
    await direct.upload(ref, Buffer.from('first version'), binary);
    const client = BlobServiceClient.fromConnectionString(connection)
      .getContainerClient(container)
      .getBlobClient(ref.name);
    const { etag = '' } = await client.getProperties();
    await direct.upload(ref, Buffer.from('other version'), binary);
    const write = () => assert.fail('bytes of the other version');
    const reading = readRange(client, { offset: 0, count: 13 }, { etag, signal: undefined, stallMs: 5000, write });
    await assert.rejects(
      reading.catch((error: unknown) => Promise.reject(toStorageError(error, ref))),
      rejectsWith('STORAGE_UNAVAILABLE'),
    );
  });

  test('a wrong key is denied, not absent', async () => {
    const wrong = connection.replace(/AccountKey=[^;]+/, `AccountKey=${randomBytes(64).toString('base64')}`);
    const store = openBlobStore({ connection: wrong });
    const denied = rejectsWith('STORAGE_DENIED');
    await assert.rejects(store.containerExists(container), denied);
    await assert.rejects(store.properties(big), denied);
    await assert.rejects(store.read(big), denied);
    await assert.rejects(store.upload(big, Buffer.from('x'), binary), denied);
  });

  test('errors go by status and code, whatever the text says', async (t) => {
    const answers: Readonly<Record<string, readonly [number, string | null, ErrorCode]>> = {
      blob: [404, 'BlobNotFound', 'FILE_NOT_FOUND'],
      container: [404, 'ContainerNotFound', 'CONTAINER_NOT_FOUND'],
      bare: [404, null, 'FILE_NOT_FOUND'],
      anonymous: [401, 'NoAuthenticationInformation', 'STORAGE_DENIED'],
      role: [403, 'AuthorizationPermissionMismatch', 'STORAGE_DENIED'],
      archived: [409, 'BlobArchived', 'FILE_UNREADABLE'],
      deleting: [409, 'ContainerBeingDeleted', 'STORAGE_UNAVAILABLE'],
      malformed: [400, 'InvalidUri', 'INTERNAL'],
      throttled: [429, null, 'STORAGE_UNAVAILABLE'],
      slow: [500, 'OperationTimedOut', 'STORAGE_UNAVAILABLE'],
      busy: [503, 'ServerBusy', 'STORAGE_UNAVAILABLE'],
    };
    const server = createServer((request, response) => {
      const name = request.url?.split(/[/?]/)[3] ?? '';
      const [status, code] = answers[name] ?? [501, null];
      response.writeHead(status, code === null ? {} : { 'x-ms-error-code': code });
      response.end('<Error><Message>The specified blob does not exist, 404, access denied</Message></Error>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const address = server.address();
    assert.ok(address !== null && typeof address !== 'string');
    const store = openBlobStore({ connection: atPort(address.port) });
    const checks = Object.entries(answers).map(async ([name, [status, , expected]]) => {
      const ref = { container, name };
      await assert.rejects(store.read(ref), rejectsWith(expected), name);
      if (status === 404) assert.equal(await store.properties(ref), null);
      else await assert.rejects(store.properties(ref), rejectsWith(expected), name);
    });
    await Promise.all(checks);
  });
});
