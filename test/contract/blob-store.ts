import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import gdal from 'gdal-async';
import { CoreMachineError, type ErrorCode } from '../../core/errors.ts';
import type { BlobProperties, BlobStore } from '../../core/ports/blob-store.ts';
import { uniqueContainerName } from '../tools/azurite.ts';
import { writeTinyRaster } from '../tools/tiny-raster.ts';

const binary = { contentType: 'application/octet-stream' };
const megabyte = 1024 * 1024;

/** Names that Azure allows and that URLs, shells and XML stumble over. */
const hostileNames: readonly string[] = [
  'plain.tif',
  'späß/ünï çødé 日本.tif',
  'nfd-u\u0308.tif',
  'emoji😀.tif',
  'a b\'c"d.tif',
  ' leading space.tif',
  'trailing space ',
  'x#y?z.tif',
  'x.tif?sig=1&se=2',
  'a%20b.tif',
  '100%.tif',
  '%2e%2e/x.tif',
  'a+b&c=d;e,f.tif',
  '[br]{ace}|<pipe>^`~$!*().tif',
  'colon:at@.tif',
  '/leading-slash.tif',
  'double//slash.tif',
  'folder/',
  'dot./x.tif',
  '..hidden..tif',
  'vsicurl/http://example.org/y.tif',
  `${'long/'.repeat(60)}${'n'.repeat(200)}.tif`,
];

/** Names no blob can have: clients resolve dot segments, so some would reach into another container. */
const impossibleNames = (otherContainer: string): readonly string[] => [
  '',
  '..',
  `../${otherContainer}/x`,
  'a/../b',
  'a/./b',
  'a/..',
  'nul\0',
  'line\nbreak',
  'half \ud83d surrogate',
  'x'.repeat(1025),
];

export function rejectsWith(code: ErrorCode) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof CoreMachineError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

/** What every blob store must do. */
export function blobStoreContract(title: string, open: () => Promise<BlobStore>): void {
  describe(`blob store: ${title}`, () => {
    let store: BlobStore;
    let folder: string;

    before(async () => {
      store = await open();
      folder = await mkdtemp(join(tmpdir(), 'coremachine-blob-test-'));
    });
    after(() => rm(folder, { recursive: true, force: true }));

    const newContainer = async () => {
      const name = uniqueContainerName();
      await store.ensureContainer(name);
      return name;
    };

    test('containers: absent, made, made again', async () => {
      const name = uniqueContainerName();
      assert.equal(await store.containerExists(name), false);
      await store.ensureContainer(name);
      await store.ensureContainer(name);
      assert.equal(await store.containerExists(name), true);
    });

    test('container names that cannot be are absent and cannot be made', async () => {
      for (const name of ['', 'ab', 'Upper', 'two--dashes', '-x-', 'a/b', '../up', 'späß', 'x'.repeat(64)]) {
        assert.equal(await store.containerExists(name), false, name);
        await assert.rejects(store.ensureContainer(name), rejectsWith('INVALID_PARAMETERS'));
        const ref = { container: name, name: 'x' };
        assert.equal(await store.properties(ref), null);
        await assert.rejects(store.upload(ref, Buffer.from('x'), binary), rejectsWith('INVALID_PARAMETERS'));
        await assert.rejects(store.read(ref), rejectsWith('CONTAINER_NOT_FOUND'));
      }
    });

    test('bytes go in and come out with type, tier and metadata; an upload replaces all of it', async () => {
      const ref = { container: await newContainer(), name: 'a/b.json' };
      const before = Date.now();
      const metadata = { Source_Blob: 'x y.tif', run: '1' };
      const stored = await store.upload(ref, Buffer.from('{"a":1}'), {
        contentType: 'application/json',
        accessTier: 'Cool',
        metadata,
      });
      assert.deepEqual(await store.properties(ref), stored);
      assert.equal(stored.sizeBytes, 7);
      assert.equal(stored.contentType, 'application/json');
      assert.equal(stored.accessTier, 'Cool');
      assert.deepEqual(stored.metadata, { source_blob: 'x y.tif', run: '1' });
      assert.ok(Math.abs(stored.lastModified.getTime() - before) < 60_000);
      assert.equal(Buffer.from(await store.read(ref)).toString(), '{"a":1}');

      const replaced = await store.upload(ref, new Uint8Array([1, 2]), { ...binary, accessTier: 'Hot' });
      assert.notEqual(replaced.etag, stored.etag);
      assert.deepEqual([replaced.sizeBytes, replaced.accessTier, replaced.metadata], [2, 'Hot', {}]);
      assert.deepEqual(await collect(store, ref.container), [replaced]);
    });

    test('files of several blocks keep every byte, and progress only grows', async () => {
      const ref = { container: await newContainer(), name: 'big.bin' };
      const [source, copy] = [join(folder, 'source.bin'), join(folder, 'copy.bin')];
      const bytes = randomBytes(20 * megabyte + 7);
      await writeFile(source, bytes);
      const sent: number[] = [];
      const totals = new Set<number>();
      const onProgress = (n: number, total: number) => {
        sent.push(n);
        totals.add(total);
      };
      await store.upload(ref, source, { ...binary, onProgress });
      assert.deepEqual([...totals], [bytes.length]);
      const received: number[] = [];
      await store.download(ref, copy, { onProgress: (n) => received.push(n) });
      assert.equal(sha256(await readFile(copy)), sha256(bytes));
      for (const steps of [sent, received]) {
        assert.equal(steps.at(-1), bytes.length);
        assert.deepEqual(
          steps,
          steps.toSorted((a, b) => a - b),
        );
      }
    });

    test('a download replaces a longer file', async () => {
      const ref = { container: await newContainer(), name: 'short' };
      const file = join(folder, 'was-longer');
      await writeFile(file, 'something much longer');
      await store.upload(ref, Buffer.from('short'), binary);
      await store.download(ref, file);
      assert.equal(await readFile(file, 'utf8'), 'short');
    });

    test('ranges are cut at the end; an empty blob is a blob', async () => {
      const container = await newContainer();
      const ref = { container, name: 'digits' };
      await store.upload(ref, Buffer.from('0123456789'), binary);
      const read = async (offset: number, length: number) =>
        Buffer.from(await store.read(ref, { offset, length })).toString();
      assert.equal(await read(0, 4), '0123');
      assert.equal(await read(3, 4), '3456');
      assert.equal(await read(8, 100), '89');
      assert.equal(await read(10, 5), '');
      assert.equal(await read(500, 5), '');
      assert.equal(await read(2, 0), '');
      const empty = { container, name: 'empty' };
      assert.equal((await store.upload(empty, new Uint8Array(), binary)).sizeBytes, 0);
      await writeFile(join(folder, 'nothing'), '');
      assert.equal((await store.upload(empty, join(folder, 'nothing'), binary)).sizeBytes, 0);
      assert.equal((await store.read(empty)).length, 0);
      await store.download(empty, join(folder, 'empty'));
      assert.equal((await readFile(join(folder, 'empty'))).length, 0);
    });

    test('what is not there: a value where the port says so, else its own code', async () => {
      const blob = { container: await newContainer(), name: 'no such blob' };
      const container = { container: uniqueContainerName(), name: 'x' };
      for (const [ref, code] of [
        [blob, 'FILE_NOT_FOUND'],
        [container, 'CONTAINER_NOT_FOUND'],
      ] as const) {
        assert.equal(await store.properties(ref), null);
        assert.equal(await store.delete(ref), false);
        await assert.rejects(store.read(ref), rejectsWith(code));
        await assert.rejects(store.read(ref, { offset: 0, length: 1 }), rejectsWith(code));
        const file = join(folder, 'never');
        await assert.rejects(store.download(ref, file), rejectsWith(code));
        await assert.rejects(access(file));
      }
      await assert.rejects(collect(store, container.container), rejectsWith('CONTAINER_NOT_FOUND'));
    });

    test('an upload makes its container, from bytes and from a file of several blocks', async () => {
      const file = join(folder, 'blocks.bin');
      await writeFile(file, Buffer.alloc(9 * megabyte, 1));
      for (const source of [Buffer.from('x'), file]) {
        const ref = { container: uniqueContainerName(), name: 'x' };
        await store.upload(ref, source, binary);
        assert.ok(await store.properties(ref));
      }
    });

    test('uploading a file that is not there is not blamed on the storage', async () => {
      const ref = { container: await newContainer(), name: 'x' };
      await assert.rejects(store.upload(ref, join(folder, 'missing'), binary), { code: 'ENOENT' });
      assert.equal(await store.properties(ref), null);
    });

    test('deleting', async () => {
      const ref = { container: await newContainer(), name: 'x' };
      await store.upload(ref, Buffer.from('x'), binary);
      assert.equal(await store.delete(ref), true);
      assert.equal(await store.delete(ref), false);
      assert.equal(await store.properties(ref), null);
    });

    test('deleting what was stored, not what has taken its place', async () => {
      const ref = { container: await newContainer(), name: 'x' };
      const { etag: first } = await store.upload(ref, Buffer.from('x'), binary);
      const { etag } = await store.upload(ref, Buffer.from('y'), binary);
      assert.equal(await store.delete(ref, { etag: first }), false);
      assert.equal(Buffer.from(await store.read(ref)).toString(), 'y');
      assert.equal(await store.delete(ref, { etag }), true);
      assert.equal(await store.delete(ref, { etag }), false);
    });

    test('hostile names are stored, found, listed and deleted as they are', async () => {
      const container = await newContainer();
      for (const name of hostileNames) {
        const ref = { container, name };
        await store.upload(ref, Buffer.from(name), binary);
        assert.equal((await store.properties(ref))?.name, name);
        assert.equal(Buffer.from(await store.read(ref)).toString(), name, name);
      }
      const listed = (await collect(store, container)).map(({ name }) => name);
      assert.deepEqual(listed.toSorted(), hostileNames.toSorted());
      for (const name of hostileNames) assert.equal(await store.delete({ container, name }), true, name);
      assert.deepEqual(await collect(store, container), []);
    });

    test('GDAL opens what gdalSource gives, whatever the name', async () => {
      const container = await newContainer();
      const raster = writeTinyRaster(join(folder, 'tiny.tif'));
      for (const name of hostileNames) await store.upload({ container, name }, raster, binary);
      for (const name of hostileNames) {
        const { path, config } = await store.gdalSource({ container, name });
        for (const [key, value] of Object.entries(config)) gdal.config.set(key, value);
        const dataset = await gdal.openAsync(path);
        const pixels = await (await dataset.bands.getAsync(1)).pixels.readAsync(0, 0, 3, 2);
        assert.deepEqual([...pixels], [1, 2, 3, 4, 5, 6], name);
        dataset.close();
      }
    });

    test('names that cannot be are absent, cannot be written, and reach nowhere else', async () => {
      const [container, other] = [await newContainer(), await newContainer()];
      await store.upload({ container: other, name: 'x' }, Buffer.from('secret'), binary);
      await store.upload({ container, name: 'b' }, Buffer.from('b'), binary);
      for (const name of impossibleNames(other)) {
        const ref = { container, name };
        assert.equal(await store.properties(ref), null, name);
        assert.equal(await store.delete(ref), false, name);
        await assert.rejects(store.read(ref), rejectsWith('FILE_NOT_FOUND'));
        await assert.rejects(store.gdalSource(ref), rejectsWith('FILE_NOT_FOUND'));
        await assert.rejects(store.upload(ref, Buffer.from('x'), binary), rejectsWith('INVALID_PARAMETERS'));
        assert.throws(() => store.url(ref), rejectsWith('FILE_NOT_FOUND'));
      }
      assert.equal(Buffer.from(await store.read({ container: other, name: 'x' })).toString(), 'secret');
      assert.equal(Buffer.from(await store.read({ container, name: 'b' })).toString(), 'b');
    });

    test('URLs are percent-encoded, lead back to the name, and carry no credentials', async () => {
      for (const name of hostileNames) {
        const text = store.url({ container: 'silver-cogs', name });
        const url = new URL(text);
        assert.equal(url.href, text);
        assert.deepEqual([url.search, url.hash, url.username, url.password], ['', '', '', '']);
        assert.equal(decodeURIComponent(url.pathname.split('/silver-cogs/').slice(1).join('/silver-cogs/')), name);
        assert.match(text, /^[\x21-\x7e]+$/);
      }
    });

    test('a listing of 5,000 blobs comes whole, in order, once each; a prefix is not a pattern', async () => {
      const container = await newContainer();
      const names = Array.from({ length: 5000 }, (_, index) => `page/${String(index).padStart(5, '0')}.tif`);
      const queue = names.toSorted(() => 0.5 - Math.random());
      const worker = async () => {
        for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
          await store.upload({ container, name }, Buffer.from('x'), binary);
        }
      };
      await Promise.all(Array.from({ length: 16 }, worker));
      await store.upload({ container, name: 'pag*/x' }, Buffer.from('x'), binary);
      assert.deepEqual(
        (await collect(store, container, 'page/')).map(({ name }) => name),
        names,
      );
      assert.equal((await collect(store, container)).length, 5001);
      assert.deepEqual(
        (await collect(store, container, 'pag*')).map(({ name }) => name),
        ['pag*/x'],
      );
      assert.deepEqual(await collect(store, container, 'nothing'), []);
      assert.equal((await collect(store, container, 'page/0499')).length, 10);
    });

    test('metadata that cannot travel is refused before anything is written', async () => {
      const ref = { container: await newContainer(), name: 'x' };
      for (const metadata of [{ 'a-b': 'x' }, { a: 'ä' }, { a: 'x\r\nInjected: y' }, { '1': 'x' }, { a: ' x' }]) {
        await assert.rejects(
          store.upload(ref, Buffer.from('x'), { ...binary, metadata: metadata as Record<string, string> }),
          rejectsWith('INVALID_PARAMETERS'),
        );
      }
      assert.equal(await store.properties(ref), null);
    });

    test('an aborted signal gives its own reason and leaves nothing', async () => {
      const container = await newContainer();
      const reason = new CoreMachineError('CANCELLED', 'stop');
      const signal = AbortSignal.abort(reason);
      const isReason = (error: unknown) => error === reason;
      await store.upload({ container, name: 'there' }, Buffer.from('x'), binary);
      await assert.rejects(store.upload({ container, name: 'x' }, Buffer.from('x'), { ...binary, signal }), isReason);
      assert.equal(await store.properties({ container, name: 'x' }), null);
      const file = join(folder, 'aborted');
      await assert.rejects(store.download({ container, name: 'there' }, file, { signal }), isReason);
      await assert.rejects(access(file));
      await assert.rejects(async () => {
        for await (const _ of store.list(container, { signal })) assert.fail('listed');
      }, isReason);
    });
  });
}

async function collect(store: BlobStore, container: string, prefix?: string): Promise<BlobProperties[]> {
  const found: BlobProperties[] = [];
  for await (const blob of store.list(container, prefix === undefined ? {} : { prefix })) found.push(blob);
  return found;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
